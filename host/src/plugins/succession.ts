import type { CycleClock } from "@outrider/core";
import { OutriderError } from "@outrider/core/contract";
import type { PluginEntry } from "./plugin-entry.ts";
import type { PluginPort } from "./plugin-port.ts";
import type { PluginProcess } from "./plugin-process.ts";
import type { PluginTiming } from "./plugin-timing.ts";
import type { ProcessGeneration } from "./process-generation.ts";
import { ShadowRun, ShadowTally } from "./shadow-run.ts";
import type { Comparison } from "./types.ts";

/** What a succession is made of. */
export interface SuccessionOptions {
  readonly process: PluginProcess;
  /** The generation that is to take over, not started. */
  readonly next: ProcessGeneration;
  /** Of the plugins that it serves; a port of a plugin that is new asks it already. */
  readonly ports: ReadonlyMap<PluginEntry, PluginPort>;
  readonly clock: CycleClock;
  readonly timing: PluginTiming;
}

/** Share of the calls that the old generation answered below which the new one is refused. */
const leastAnswered = 0.5;

/** A generation of a process on its way into force. */
export class Succession {
  /** How it did beside the generation before; `undefined` where that did not serve, or it is not done. */
  comparison: Comparison | undefined;
  readonly #options: SuccessionOptions;
  /** Ports whose plugin another generation serves well. */
  readonly #served: readonly [PluginEntry, PluginPort][];

  constructor(options: SuccessionOptions) {
    this.#options = options;
    this.#served = [...options.ports].filter(([entry, port]) => port.entry !== entry && port.entry.serving);
  }

  /** Whether some of its plugins are served well by a generation before. */
  get isServed(): boolean {
    return this.#served.length > 0;
  }

  /** The generation that is to take over. */
  get next(): ProcessGeneration {
    return this.#options.next;
  }

  /**
   * Starts it beside the generation in force, and asks both for a while where one serves.
   * @throws {OutriderError} why it cannot take over; it has ended then.
   */
  async rehearse(): Promise<Comparison> {
    const { process, next, timing } = this.#options;
    const tally = new ShadowTally(timing.shadowCalls);
    try {
      process.begin(next);
      await next.opened;
      this.#checkAccepted();
      if (this.isServed) await this.#shadow(tally);
      this.#checkAnswers(tally);
    } catch (cause) {
      const error = this.#explain(cause);
      await this.discard();
      throw error;
    }
    this.comparison = tally.toComparison(process.name, next.number);
    return this.comparison;
  }

  /** Starts it without anything to compare: it goes on trying until it is put in force and after. */
  begin(): void {
    this.#options.process.begin(this.#options.next);
  }

  /** Puts it in force: at no moment is there none. */
  commit(): void {
    const { process, next, ports } = this.#options;
    next.promote();
    for (const [entry, port] of ports) port.switchTo(next.remoteOf(entry));
    process.succeed(next);
  }

  /** Ends it; the generation in force goes on. */
  async discard(): Promise<void> {
    const { process, next } = this.#options;
    for (const [, port] of this.#served) port.endShadow();
    await process.abandon(next);
  }

  #checkAccepted(): void {
    const refused = this.#served.map(([entry]) => entry).filter(({ state }) => state !== "shadow");
    if (refused.length === 0) return;
    const reasons = refused.map(({ spec, state, message }) => `${spec.name} is ${state}: ${message}`);
    throw new OutriderError("PLUGIN_REJECTED", reasons.join("; "));
  }

  async #shadow(tally: ShadowTally): Promise<void> {
    const { next, clock, timing } = this.#options;
    for (const [entry, port] of this.#served) port.shadow(new ShadowRun(next.remoteOf(entry), tally, clock));
    const timeout = Promise.withResolvers<void>();
    const timer = clock.after(timing.shadowMs, timeout.resolve);
    const lost = next.ended.then((error) => Promise.reject(error));
    await Promise.race([tally.done, timeout.promise, lost]).finally(() => clock.cancel(timer));
    if (this.#served.some(([entry]) => entry.state !== "shadow")) throw await next.ended;
    tally.close(clock.elapsedMs());
  }

  #checkAnswers({ answeredBefore, answeredAfter }: ShadowTally): void {
    if (answeredAfter >= answeredBefore * leastAnswered) return;
    const message = `it answered ${answeredAfter} of ${answeredBefore} calls that the generation in force answered`;
    throw new OutriderError("PLUGIN_REJECTED", message);
  }

  #explain(cause: unknown): unknown {
    if (!(cause instanceof OutriderError)) return cause;
    const { process, next } = this.#options;
    const failed = next.entries.filter(({ state, message }) => state === "failed" && message !== cause.message);
    const reasons = failed.map(({ spec, message }) => `${spec.name}: ${message}`);
    const why = reasons.length === 0 ? cause.message : reasons.join("; ");
    return new OutriderError(
      "PLUGIN_REJECTED",
      `generation ${next.number} of ${process.name} does not take over: ${why}`,
      {
        cause,
      },
    );
  }
}
