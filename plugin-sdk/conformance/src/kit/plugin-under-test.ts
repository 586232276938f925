import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import {
  type ChildAddress,
  type ChildCommand,
  createChildAddress,
  describeExit,
  type GuardedProcess,
  reachChild,
  spawnGuarded,
  toGuardedCommand,
} from "@outrider/transport";
import { RuleFailure } from "../rule.ts";
import { keepOutput, type OutputLog } from "./output-log.ts";
import { type SpokenTarget, toSpokenTarget } from "./target.ts";

/** What is to be verified: a command that the kit starts as a host would, or an address. */
export type PluginSubject =
  | { readonly kind: "command"; readonly command: ChildCommand }
  | { readonly kind: "address"; readonly address: string; readonly token: string };

/** The plugin that is verified, and its process where the kit started it. */
export interface PluginUnderTest {
  /** Whether the kit starts its process, and so may end it. */
  readonly isStarted: boolean;
  /** What it was told to ask for; empty = nothing. */
  readonly token: string;
  /** How its process ended by itself, as the rest of a sentence; `undefined` = it has not. */
  readonly ended: string | undefined;
  /** What its process has written; `undefined` for an address. */
  readonly output: { readonly stdout: OutputLog; readonly stderr: OutputLog } | undefined;
  /** Starts a process where there is none, and waits until it listens. @throws {RuleFailure} where it does not. */
  reach(): Promise<SpokenTarget>;
  /** Waits a little until it is known whether and how the process ended; longer where nobody listens any more. */
  noticeEnd(): Promise<void>;
  /** SIGTERM to the process, SIGKILL to its group after `graceMs`; settles with how long it took, in ms. */
  terminate(graceMs: number): Promise<number>;
  /** SIGKILL to the process and its group. */
  kill(): Promise<void>;
  /** Closes what the process is bound to, as the end of a host does; whether nobody listens any more after `graceMs`. */
  hangUp(graceMs: number): Promise<boolean>;
  /** Starts another process without the guard, closes its standard input; whether it ends within `graceMs`. */
  endsWithInput(startMs: number, graceMs: number): Promise<boolean>;
  /** Ends whatever was started. */
  stop(): Promise<void>;
}

/** @param startMs longest wait for it to listen. */
export async function createPluginUnderTest(subject: PluginSubject, startMs: number): Promise<PluginUnderTest> {
  if (subject.kind === "address") return new ServedPlugin(subject.address, subject.token, startMs);
  const dir = await mkdtemp(join(tmpdir(), "outrider-verify-"));
  return new StartedPlugin(subject.command, dir, startMs);
}

/** Longest wait for the end of a process that listens no more, in ms. */
const noticeMs = 2_000;
/** Longest wait for the end of one that still listens: it may be about to end, with its connections gone before it. */
const endingMs = 500;

const clock = { elapsedMs: () => performance.now() };

class ServedPlugin implements PluginUnderTest {
  readonly isStarted = false;
  readonly ended = undefined;
  readonly output = undefined;
  readonly token: string;
  readonly #address: string;
  readonly #startMs: number;

  constructor(address: string, token: string, startMs: number) {
    this.#address = address;
    this.token = token;
    this.#startMs = startMs;
  }

  async reach(): Promise<SpokenTarget> {
    try {
      return await toSpokenTarget(this.#address, this.#startMs);
    } catch (cause) {
      if (!(cause instanceof Error) || !("code" in cause)) throw cause;
      throw new RuleFailure(`somebody at ${this.#address}`, cause.message);
    }
  }

  async noticeEnd(): Promise<void> {}

  terminate(): Promise<number> {
    throw new Error("the kit ends no process that it has not started");
  }

  kill(): Promise<void> {
    return this.terminate().then(() => {});
  }

  hangUp(): Promise<boolean> {
    return this.terminate().then(() => false);
  }

  endsWithInput(): Promise<boolean> {
    return this.terminate().then(() => false);
  }

  async stop(): Promise<void> {}
}

interface Started {
  readonly address: ChildAddress;
  readonly guarded: GuardedProcess;
  readonly output: { readonly stdout: OutputLog; readonly stderr: OutputLog };
}

class StartedPlugin implements PluginUnderTest {
  readonly isStarted = true;
  readonly #command: ChildCommand;
  readonly #dir: string;
  readonly #startMs: number;
  #current: Started | undefined;
  #target: SpokenTarget | undefined;
  #starts = 0;
  #ended: string | undefined;

  constructor(command: ChildCommand, dir: string, startMs: number) {
    this.#command = command;
    this.#dir = dir;
    this.#startMs = startMs;
  }

  get token(): string {
    return this.#current?.address.token ?? "";
  }

  get ended(): string | undefined {
    return this.#ended;
  }

  get output(): Started["output"] | undefined {
    return this.#current?.output;
  }

  async reach(): Promise<SpokenTarget> {
    if (this.#current !== undefined && this.#target !== undefined && this.#ended === undefined) return this.#target;
    const started = await this.#start();
    const nap = async (ms: number) => {
      await delay(ms);
      if (this.#ended !== undefined) throw this.#notListening(`the process ${this.#ended}`);
    };
    const on = await reachChild(started.address, this.#startMs, clock, nap);
    if (on === undefined) throw this.#notListening(`neither of them ${this.#startMs} ms after its start`);
    const { socketPath, port } = started.address;
    this.#target =
      on === "socket"
        ? { kind: "session", target: { kind: "socket", path: socketPath } }
        : { kind: "unary", target: { kind: "port", port } };
    return this.#target;
  }

  async noticeEnd(): Promise<void> {
    if (this.#current === undefined || this.#ended !== undefined) return;
    const isHeard = (await reachChild(this.#current.address, 1, clock, async () => {})) !== undefined;
    await Promise.race([this.#current.guarded.exited, delay(isHeard ? endingMs : noticeMs)]);
  }

  async terminate(graceMs: number): Promise<number> {
    const beganMs = performance.now();
    await this.#current?.guarded.terminate(graceMs);
    this.#forget();
    return performance.now() - beganMs;
  }

  async kill(): Promise<void> {
    const { pid, exited } = this.#current!.guarded;
    if (pid !== undefined) signalGroup(pid);
    await exited;
    this.#forget();
  }

  async hangUp(graceMs: number): Promise<boolean> {
    const { guarded, address } = this.#current!;
    const endMs = performance.now() + graceMs;
    guarded.hangUp();
    let isHeard = true;
    while (isHeard && performance.now() < endMs) {
      await delay(50);
      isHeard = (await reachChild(address, 1, clock, async () => {})) !== undefined;
    }
    if (isHeard && guarded.pid !== undefined) signalGroup(guarded.pid);
    await guarded.exited;
    this.#forget();
    return !isHeard;
  }

  async endsWithInput(startMs: number, graceMs: number): Promise<boolean> {
    const address = await this.#nextAddress();
    const { command, args, env, cwd } = toGuardedCommand(this.#command, address);
    const child = spawn(command, args, { env, cwd, detached: true, stdio: ["pipe", "ignore", "ignore"] });
    const exited = new Promise<boolean>((resolve) => {
      child.once("exit", () => resolve(true));
      child.once("error", () => resolve(true));
    });
    child.stdin.on("error", () => {});
    try {
      await reachChild(address, startMs, clock, (ms) => delay(ms));
      child.stdin.end();
      return await Promise.race([exited, delay(graceMs, false)]);
    } finally {
      if (child.pid !== undefined) signalGroup(child.pid);
    }
  }

  async stop(): Promise<void> {
    await this.#current?.guarded.terminate(500);
    await rm(this.#dir, { recursive: true, force: true });
  }

  async #start(): Promise<Started> {
    await this.#current?.guarded.terminate(500);
    const address = await this.#nextAddress();
    const guarded = spawnGuarded(toGuardedCommand(this.#command, address));
    const output = { stdout: keepOutput(guarded.stdout), stderr: keepOutput(guarded.stderr) };
    const started = { address, guarded, output };
    this.#ended = undefined;
    this.#current = started;
    void guarded.exited.then((exit) => {
      if (this.#current === started) this.#ended = describeExit(exit);
    });
    return started;
  }

  #nextAddress(): Promise<ChildAddress> {
    this.#starts += 1;
    return createChildAddress(this.#dir, `${this.#starts}.sock`);
  }

  #notListening(came: string): RuleFailure {
    return new RuleFailure("somebody who listens on OUTRIDER_PLUGIN_SOCKET or on PORT", came);
  }

  #forget(): void {
    this.#current = undefined;
    this.#target = undefined;
    this.#ended = undefined;
  }
}

function signalGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch (error) {
    // Gone already.
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
