import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { OutriderError } from "@outrider/core/contract";
import {
  type ChildAddress,
  createChildAddress,
  describeExit,
  type GuardedProcess,
  openSession,
  reachChild,
  spawnGuarded,
  toGuardedCommand,
} from "@outrider/transport";
import { type PluginOpener, toOpener } from "./open-plugin.ts";
import { openOverSession, testSession } from "./over-session.ts";

/** Longest wait for a process to listen, in ms. */
const startMs = 10_000;

/**
 * In a process of its own, started as a host would.
 * @param main file that serves the definition, for Node to run.
 */
export function childProcess(main: URL): PluginOpener {
  const file = fileURLToPath(main);
  return toOpener(async (definition, parameters) => {
    const folder = mkdtempSync(join(tmpdir(), "outrider-"));
    const address = await createChildAddress(folder, "plugin.sock");
    const command = { command: [process.execPath, file], cwd: dirname(file), env: {} };
    const child = spawnGuarded(toGuardedCommand(command, address));
    const output = collect(child);
    const release = async () => {
      await child.terminate(2_000);
      rmSync(folder, { recursive: true, force: true });
    };
    const broken: OutriderError[] = [];
    try {
      await untilListening(address, child, output);
      const { socketPath: path, token } = address;
      const session = openSession({ kind: "socket", path }, testSession(token, broken));
      return await openOverSession(session, definition, parameters, broken, release);
    } catch (error) {
      await release();
      throw error;
    }
  });
}

function collect({ stdout, stderr }: GuardedProcess): string[] {
  const output: string[] = [];
  for (const stream of [stdout, stderr]) stream.on("data", (chunk: Buffer) => output.push(chunk.toString()));
  return output;
}

async function untilListening(address: ChildAddress, child: GuardedProcess, output: readonly string[]): Promise<void> {
  const said = () => `it said: ${output.join("") || "nothing"}`;
  let ending: string | undefined;
  void child.exited.then((exit) => {
    ending = describeExit(exit);
  });
  const nap = async (ms: number) => {
    await delay(ms);
    if (ending !== undefined) throw new OutriderError("SCORER_UNAVAILABLE", `the process ${ending}; ${said()}`);
  };
  const listensOn = await reachChild(address, startMs, { elapsedMs: () => performance.now() }, nap);
  if (listensOn === "socket") return;
  throw new OutriderError("SCORER_UNAVAILABLE", `the process does not listen on its socket; ${said()}`);
}
