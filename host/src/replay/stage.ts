import { tmpdir } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import type { EndpointChange, EndpointSnapshot, FeedbackEvent } from "@outrider/core";
import { pino } from "pino";
import { Registry } from "prom-client";
import { createPluginRuntime } from "../plugins/create-plugin-runtime.ts";
import { gatherMs } from "../plugins/feedback-sender.ts";
import type { Placement, PluginRuntime, ProcessSpec } from "../plugins/types.ts";
import { systemClock } from "../system-clock.ts";
import { hostVersion } from "../version.ts";
import { type ReplayAnswer, toFailure } from "./answers.ts";
import { type Cast, checkCast, nameOf, toProcesses, toSpec } from "./cast.ts";
import type { RecordedInstance } from "./recorded-instance.ts";
import type { RecordedTable } from "./recorded-table.ts";
import { type CallSubject, ReplayCall, replayBudgetMs } from "./replay-call.ts";
import { CastError } from "./replay-errors.ts";

/** Longest wait for plugins to be there, or in step, in ms. */
const patienceMs = 30_000;

/** Longer than feedback is gathered: what was told before is then on its way before a further call. */
const toldMs = gatherMs + 3;

/** First byte of a hello, the beginning of each connection. */
const helloTag = 0x0a;

/** Between two looks whether all are in step, in ms: a status costs more than an answer. */
const settleMs = 1;

/** Of a plugin that throws at every call the next answer is wanted all the same. */
const timing = {
  backoffMinMs: 10,
  ejectErrors: Number.POSITIVE_INFINITY,
  ejectMissShare: 1,
  violationLimit: Number.POSITIVE_INFINITY,
};

/** The instances of a recorded plugin, running in all placements of the cast. */
export interface Stage {
  /** Hands on a step of the table, and waits until everybody has it. @throws {CastError} where somebody is lost. */
  publish(snapshot: EndpointSnapshot, change: EndpointChange): Promise<void>;
  /** Puts a call to all placements; every one brings an answer. */
  put(instance: RecordedInstance, subject: CallSubject): Promise<ReadonlyMap<Placement, ReplayAnswer>>;
  /** Tells all placements what became of a call. */
  tell(instance: RecordedInstance, event: FeedbackEvent): void;
  /** Breaks all connections, as the recorded one broke, and waits until there are new ones. */
  reconnect(): Promise<void>;
  /** Ends all that was started. */
  close(): Promise<void>;
}

/**
 * Starts the instances on what the table has.
 * @throws {CastError} where a plugin does not run; {@link OutriderError} `CONFIG_INVALID`.
 */
export async function openStage(
  instances: readonly RecordedInstance[],
  cast: Cast,
  table: RecordedTable,
): Promise<Stage> {
  const { placements, catalogue } = cast;
  for (const instance of instances) for (const placement of placements) checkCast(instance, placement, cast);
  const processes = placements.flatMap((placement) => toProcesses(instances, placement, cast));
  const runtime = await createPluginRuntime({
    specs: placements.flatMap((placement) => instances.map((instance) => toSpec(instance, placement, cast))),
    processes,
    catalogue,
    decisionBudgetMs: replayBudgetMs,
    host: { instance: "replay", version: hostVersion },
    socketDir: tmpdir(),
    table,
    clock: systemClock,
    log: pino({ level: "silent" }),
    registry: new Registry(),
    timing,
  });
  const stage = new RunningStage(runtime, placements, processes);
  try {
    await runtime.start(patienceMs);
    await stage.settle();
    return stage;
  } catch (cause) {
    await stage.close();
    throw cause;
  }
}

class RunningStage implements Stage {
  readonly #runtime: PluginRuntime;
  readonly #placements: readonly Placement[];
  readonly #processes: readonly ProcessSpec[];
  readonly #hellos = new Map<string, number>();
  #isToldOf = false;

  constructor(runtime: PluginRuntime, placements: readonly Placement[], processes: readonly ProcessSpec[]) {
    this.#runtime = runtime;
    this.#placements = placements;
    this.#processes = processes;
    runtime.tap(({ process, direction, message }) => {
      if (direction === "sent" && message[0] === helloTag) this.#hellos.set(process, this.#hellosTo(process) + 1);
    });
  }

  async publish(snapshot: EndpointSnapshot, change: EndpointChange): Promise<void> {
    await this.#untilTold();
    this.#runtime.publish(snapshot, change);
    await this.settle();
  }

  async put(instance: RecordedInstance, subject: CallSubject): Promise<ReadonlyMap<Placement, ReplayAnswer>> {
    await this.#untilTold();
    const answers = this.#placements.map(
      async (placement) => [placement, await this.#ask(instance, placement, new ReplayCall(subject))] as const,
    );
    return new Map(await Promise.all(answers));
  }

  tell(instance: RecordedInstance, event: FeedbackEvent): void {
    for (const placement of this.#placements) this.#portOf(instance, placement).feedback?.(event);
    this.#isToldOf = true;
  }

  async reconnect(): Promise<void> {
    await this.#untilTold();
    const endMs = performance.now() + patienceMs;
    const waiting = this.#processes
      .map(({ name }) => ({ name, hellos: this.#hellosTo(name) }))
      .filter(({ hellos }) => hellos > 0);
    for (const { name } of waiting) this.#runtime.reconnect(name);
    while (waiting.some(({ name, hellos }) => this.#hellosTo(name) === hellos) && performance.now() < endMs) {
      await delay(settleMs);
    }
    await this.settle();
  }

  close(): Promise<void> {
    return this.#runtime.stop();
  }

  async #ask(instance: RecordedInstance, placement: Placement, call: ReplayCall): Promise<ReplayAnswer> {
    const name = nameOf(instance, placement);
    const row = () => new Float32Array(call.candidates.length).fill(Number.NaN);
    const rows = instance.produces.length > 0 ? instance.produces.map(row) : [row()];
    try {
      if (instance.produces.length > 0) await this.#runtime.producer(name).produce(call, rows);
      else await this.#runtime.scorer(name).score(call, rows[0]!);
    } catch (cause) {
      return toFailure(cause);
    }
    const vetoed = instance.mayVeto ? [...(call.vetoed ?? []).keys()].filter((i) => call.vetoed![i] === 1) : [];
    return { kind: "answered", rows, vetoed };
  }

  #portOf(instance: RecordedInstance, placement: Placement) {
    const name = nameOf(instance, placement);
    return instance.produces.length > 0 ? this.#runtime.producer(name) : this.#runtime.scorer(name);
  }

  #hellosTo(process: string): number {
    return this.#hellos.get(process) ?? 0;
  }

  async #untilTold(): Promise<void> {
    if (!this.#isToldOf) return;
    this.#isToldOf = false;
    await delay(toldMs);
  }

  /** Waits until all plugins are there and know the last snapshot. */
  async settle(): Promise<void> {
    const endMs = performance.now() + patienceMs;
    for (;;) {
      const behind = this.#runtime.status().find(({ state, revLag }) => state !== "active" || revLag > 0);
      if (behind === undefined) return;
      const { name, type, state, message } = behind;
      const isLost = state === "failed" || state === "quarantined" || performance.now() > endMs;
      if (isLost)
        throw new CastError(`${type} as ${name.split("/")[0]} is ${state}${message === "" ? "" : `: ${message}`}`);
      await delay(settleMs);
    }
  }
}
