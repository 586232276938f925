import type { CycleClock } from "@outrider/core";
import type { OutriderError } from "@outrider/core/contract";
import type { Logger } from "pino";
import { createStrikes, type Strikes } from "./backoff.ts";
import type { PluginMetrics } from "./metrics.ts";
import type { PluginTiming } from "./plugin-timing.ts";
import type { ProcessTally } from "./process-tally.ts";

/** Why a process is not tried again. */
export interface Verdict {
  readonly state: "failed" | "quarantined";
  readonly message: string;
}

/** What it is made of. */
export interface FaultOptions {
  /** Of the process. */
  readonly name: string;
  readonly timing: PluginTiming;
  readonly clock: CycleClock;
  readonly log: Logger;
  readonly metrics: PluginMetrics;
  readonly tally: ProcessTally;
}

const keptFrameBytes = 64 * 1024;
const loggedFrameBytes = 256;

/** Crashes and broken rules of one generation of a process, and what they come to. */
export class ProcessFaults {
  /** Set once it is given up; `undefined` = it is not. */
  verdict: Verdict | undefined;
  readonly #options: FaultOptions;
  #crashes: Strikes;
  #violations: Strikes;

  constructor(options: FaultOptions) {
    this.#options = options;
    [this.#crashes, this.#violations] = createBoth(options.timing);
  }

  /** An answer broke the contract; true where it is given up for it. */
  violated(error: OutriderError, frame: Uint8Array): boolean {
    const { timing, clock, metrics, name, tally, log } = this.#options;
    tally.violations += 1;
    tally.offendingFrame = Uint8Array.from(frame.subarray(0, keptFrameBytes));
    metrics.violations(name);
    const shown = Buffer.from(frame.subarray(0, loggedFrameBytes)).toString("hex");
    log.warn({ err: error, frame: shown }, "the plugin broke the contract");
    if (!this.#violations.add(clock.nowMs())) return false;
    const { violationLimit, violationWindowMs } = timing;
    return this.#quarantine(
      `${violationLimit} answers against the contract within ${violationWindowMs / 1000} s, last: ${error.message}`,
    );
  }

  /** Its child has ended; true where it is given up for it. */
  crashed(how: string): boolean {
    const { timing, clock } = this.#options;
    if (!this.#crashes.add(clock.nowMs())) return false;
    return this.#quarantine(`${timing.crashLimit} ends within ${timing.crashWindowMs / 1000} s, last: ${how}`);
  }

  /** It will not be otherwise the next time. */
  rejected(message: string): void {
    this.verdict ??= { state: "failed", message };
  }

  /** All is forgotten: an operator wants it tried again. */
  forgive(): void {
    this.verdict = undefined;
    [this.#crashes, this.#violations] = createBoth(this.#options.timing);
  }

  #quarantine(message: string): boolean {
    this.verdict ??= { state: "quarantined", message };
    return true;
  }
}

function createBoth(timing: PluginTiming): [Strikes, Strikes] {
  const { crashLimit, crashWindowMs, violationLimit, violationWindowMs } = timing;
  return [createStrikes(crashLimit, crashWindowMs), createStrikes(violationLimit, violationWindowMs)];
}
