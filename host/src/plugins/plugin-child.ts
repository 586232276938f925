import {
  type ChildAddress,
  createChildAddress,
  describeExit,
  type GuardedProcess,
  spawnGuarded,
  toGuardedCommand,
} from "@outrider/transport";
import type { Logger } from "pino";
import { checkProgram } from "./check-program.ts";
import type { StartedProcess } from "./child-command.ts";
import type { RuntimeContext } from "./plugin-link.ts";
import { relogOutput } from "./relog-output.ts";

/** A child that the host has started and has not yet seen end. */
export interface PluginChild {
  readonly pid: number | undefined;
  readonly address: ChildAddress;
  /** How it ended, as a sentence; settles with its end. */
  readonly exited: Promise<string>;
  /** TERM, and KILL to its group after `graceMs`; settles when it has ended. */
  terminate(graceMs: number): Promise<void>;
}

/** What starting a child takes. */
export interface ChildOptions extends Pick<RuntimeContext, "clock" | "metrics"> {
  readonly spec: StartedProcess;
  readonly log: Logger;
  /** Private folder of the sockets. */
  readonly dir: string;
  /** Name of its socket in there, never used before. */
  readonly socketName: string;
}

/**
 * Starts a child behind the guard; its output goes to the log.
 * @throws {OutriderError} `PLUGIN_REJECTED` where its program is not the one that is configured.
 */
export async function startChild(options: ChildOptions): Promise<PluginChild> {
  const { log, clock, metrics } = options;
  const spec = await checkProgram(options.spec);
  const address = await createChildAddress(options.dir, options.socketName);
  const guarded = spawnGuarded(toGuardedCommand(spec, address));
  const dropped = (bytes: number) => metrics.droppedLogBytes(spec.name, bytes);
  relogOutput(guarded.stdout, { log, stream: "stdout", clock, dropped });
  relogOutput(guarded.stderr, { log, stream: "stderr", clock, dropped });
  return toChild(guarded, address);
}

function toChild(guarded: GuardedProcess, address: ChildAddress): PluginChild {
  return {
    pid: guarded.pid,
    address,
    exited: guarded.exited.then(describeExit),
    async terminate(graceMs) {
      await guarded.terminate(graceMs);
    },
  };
}
