import { chmod, rm } from "node:fs/promises";
import type { CycleClock } from "@outrider/core";
import { OutriderError } from "@outrider/core/contract";
import { reachChild } from "@outrider/transport";
import type { StartedProcess } from "./child-command.ts";
import { type ChildOptions, type PluginChild, startChild } from "./plugin-child.ts";
import type { PluginTiming } from "./plugin-timing.ts";
import type { RemoteCredentials, RemoteSpec } from "./remote-credentials.ts";
import { type LinkTarget, toLinkTarget } from "./remote-target.ts";

/** Where connections to one plugin process come from: a child that is started when there is none, or an address. */
export interface PluginSource {
  /**
   * Waits until somebody listens.
   * @throws {OutriderError} `SCORER_UNAVAILABLE`, `SCORER_DEADLINE`, `PLUGIN_REJECTED`.
   */
  reach(): Promise<LinkTarget>;
  /** Bearer token of what {@link reach} found; empty = none. */
  readonly token: string;
  /** Of the child's process group; `undefined` where the host started none or it has ended. */
  readonly pid: number | undefined;
  /** Children started so far. */
  readonly starts: number;
  /** Ends the child, if there is one; the next {@link reach} starts another. */
  end(): Promise<void>;
}

/** What the source of a child tells its owner. */
export interface ChildEvents {
  /** A child is about to be started. */
  starting(): void;
  /** A child has ended, whoever ended it. */
  ended(how: string): void;
}

/** A plugin that is served elsewhere. */
export function createAddressSource(
  { url }: RemoteSpec,
  credentials: RemoteCredentials,
  timing: PluginTiming,
): PluginSource {
  return {
    async reach() {
      await credentials.read();
      return toLinkTarget(url, timing.handshakeMs, credentials.tls);
    },
    get token() {
      return credentials.token;
    },
    pid: undefined,
    starts: 0,
    async end() {},
  };
}

/** What a child source takes besides what every start of a child does. */
export interface ChildSourceOptions extends Omit<ChildOptions, "socketName"> {
  readonly spec: StartedProcess;
  readonly timing: PluginTiming;
  /** Short, unlike that of any other process of the folder. */
  readonly id: string;
  readonly events: ChildEvents;
  /** Waits; rejects when the host stops. */
  readonly sleep: (ms: number) => Promise<void>;
}

/** A plugin that the host starts; the same child as long as it lives. */
export function createChildSource(options: ChildSourceOptions): PluginSource {
  return new ChildSource(options);
}

class ChildSource implements PluginSource {
  readonly #options: ChildSourceOptions;
  #child: PluginChild | undefined;
  #starts = 0;

  constructor(options: ChildSourceOptions) {
    this.#options = options;
  }

  get token(): string {
    return this.#child?.address.token ?? "";
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  get starts(): number {
    return this.#starts;
  }

  async reach(): Promise<LinkTarget> {
    const { timing, clock, sleep } = this.#options;
    const child = this.#child ?? (await this.#start());
    const nap = async (ms: number) => {
      await sleep(ms);
      if (child !== this.#child) throw new OutriderError("SCORER_UNAVAILABLE", await child.exited);
    };
    const on = await reachChild(child.address, timing.startupMs, clock, nap);
    if (on === undefined) {
      const message = `listens neither on OUTRIDER_PLUGIN_SOCKET nor on PORT ${timing.startupMs} ms after its start`;
      throw new OutriderError("SCORER_DEADLINE", message);
    }
    const { socketPath, port } = child.address;
    if (on === "socket") {
      // Its folder keeps others out already; one that runs as somebody else sets its own.
      await chmod(socketPath, 0o600).catch(() => {});
      return { kind: "session", target: { kind: "socket", path: socketPath } };
    }
    return { kind: "unary", target: { kind: "port", port } };
  }

  async end(): Promise<void> {
    await this.#child?.terminate(this.#options.timing.killMs);
  }

  async #start(): Promise<PluginChild> {
    const { events, id } = this.#options;
    this.#starts += 1;
    events.starting();
    const child = await startChild({ ...this.#options, socketName: `${id}-${this.#starts}.sock` });
    this.#child = child;
    void child.exited.then((how) => {
      this.#child = undefined;
      void rm(child.address.socketPath, { force: true });
      events.ended(how);
    });
    return child;
  }
}

/** Waits that end early when a signal does. */
export function createSleep(clock: CycleClock, signal: AbortSignal): (ms: number) => Promise<void> {
  return (ms) =>
    new Promise((resolve, reject) => {
      const stop = () => {
        clock.cancel(timer);
        reject(new OutriderError("SCORER_UNAVAILABLE", "the host is stopping"));
      };
      const timer = clock.after(ms, () => {
        signal.removeEventListener("abort", stop);
        resolve();
      });
      if (signal.aborted) stop();
      else signal.addEventListener("abort", stop, { once: true });
    });
}
