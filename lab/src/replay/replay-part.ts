import { type DecisionRecord, type Need, type Picker, runCycle, type SessionPins } from "@outrider/core";
import {
  createColumnNumbers,
  earsOf,
  type Log,
  listenersOf,
  type PluginCatalogue,
  pickedIn,
  RecordedTable,
  refuse,
  toDecision,
} from "@outrider/host";
import type { Decision, Facts, Header, Snapshot } from "@outrider/protos/record";
import type { FeedbackEvent } from "@outrider/protos/scorer";
import { type ColumnKeys, findDifference, type KeyedDecision } from "./difference.ts";
import { type ToldDecision, tell } from "./feedback.ts";
import type { FrameLog } from "./frame-log.ts";
import { HeardEvents } from "./heard-events.ts";
import { callsPerDecision } from "./held-plugins.ts";
import { processOf } from "./plugin-process.ts";
import { toInflight, toKeys, toNumbered } from "./recorded-columns.ts";
import { type FactsChange, toFacts } from "./recorded-facts.ts";
import { findMisses } from "./recorded-misses.ts";
import { findWeights, isSameWeights } from "./recorded-weights.ts";
import { openReplayHost, type ReplayHost } from "./replay-host.ts";
import type { ReplayTally } from "./replay-tally.ts";
import type { ReplayedConfig } from "./replayed-config.ts";
import { Turn } from "./turn.ts";

/** What a part of a recording is made again with. */
export interface PartParts {
  readonly header: Header;
  readonly replayed: ReplayedConfig;
  readonly catalogue: PluginCatalogue;
  readonly tally: ReplayTally;
  readonly log: Log;
  /** What was sent to plugins. */
  readonly frames: FrameLog;
}

/** A decision that is being made again, or was and is told of. */
interface Again {
  readonly decision: Decision;
  readonly facts: Facts;
  readonly turn: Turn;
  readonly firstCallId: number;
  readonly promptTokens: number;
  readonly pins: SessionPins | undefined;
  readonly made: DecisionRecord | Promise<DecisionRecord>;
  told: ToldDecision | undefined;
}

/** A part of a recording, from a header to the next one: begins from nothing. */
export class ReplayPart {
  readonly #parts: PartParts;
  readonly #host: ReplayHost;
  readonly #table: RecordedTable;
  readonly #keys: ColumnKeys;
  readonly #types: ReadonlyMap<string, string>;
  readonly #heard: HeardEvents;
  readonly #open = new Map<string, Again>();
  #decisions = 0;

  private constructor(parts: PartParts, table: RecordedTable, keys: ColumnKeys, host: ReplayHost) {
    this.#parts = parts;
    this.#table = table;
    this.#keys = keys;
    this.#host = host;
    const { plugins } = parts.replayed.config;
    this.#types = new Map(plugins.map(({ name, type }) => [name, type]));
    const processes = new Map(plugins.map((spec) => [spec.name, processOf(spec)]));
    this.#heard = new HeardEvents({
      log: parts.frames,
      processOf: (plugin) => (parts.replayed.isRecorded ? processes.get(plugin) : undefined),
      feedbackOf: (plugin) => earsOf(host.inForce.plan).plugins.get(plugin)?.feedback,
    });
  }

  /** @throws {ReplayError} where a plugin does not run. */
  static async open(parts: PartParts): Promise<ReplayPart> {
    const keys = toKeys(parts.header);
    const table = new RecordedTable();
    table.open(toNumbered(keys));
    const { replayed, catalogue, log } = parts;
    const host = await openReplayHost({ config: replayed.config, catalogue, table, log });
    return new ReplayPart(parts, table, keys, host);
  }

  /** What plugins were granted and the configuration itself reads. */
  get granted(): readonly Need[] {
    return this.#host.inForce.granted;
  }

  /** Those that decisions are made by. */
  get pickers(): readonly Picker[] {
    return this.#host.inForce.plan.profiles.map(({ picker }) => picker);
  }

  /** Takes a step of the endpoint table. */
  publish({ table, ready }: Snapshot): void {
    const step = table === undefined ? undefined : this.#table.apply(table, ready);
    if (step?.kind === "published") this.#host.publish(step.snapshot, step.change);
    else this.#parts.tally.unreadableSteps += 1;
  }

  /** Makes a decision again, up to where it waits for answers. */
  async begin(facts: Facts, decision: Decision, steps: number): Promise<void> {
    const { tally } = this.#parts;
    const { epoch, rev } = decision;
    const snapshot = this.#table.current;
    if (!this.#table.isKnown || rev !== this.#table.recordedRev || epoch !== this.#parts.header.epoch) {
      return tally.skip("unknown_table");
    }
    const candidates = Uint32Array.from(decision.candidates);
    if (candidates.length === 0 || candidates.some((slot) => snapshot.at(slot) === undefined)) {
      return tally.skip("unknown_endpoints");
    }
    await this.#host.caughtUp();
    this.#weigh(decision);
    const turn = new Turn(decision.atMs, steps);
    const pins = this.#pin(decision, candidates);
    const known = toFacts(decision, facts, this.#change(decision, pins));
    const firstCallId = (++this.#decisions * callsPerDecision) >>> 0;
    this.#heard.begin(decision, firstCallId);
    const misses = findMisses(decision, (name) => this.#types.get(name));
    const asking = (plugin: string, callId: number) => this.#asking(plugin, callId);
    this.#host.plugins.begin(firstCallId, { turn, misses, asking });
    const made = this.#run({ decision, candidates, facts: known, turn, firstCallId });
    const { decisionId } = decision;
    const { promptTokens } = known;
    this.#open.set(decisionId, { decision, facts, turn, firstCallId, promptTokens, pins, made, told: undefined });
  }

  /** The recording has a decision go on. */
  async resume(decisionId: string): Promise<void> {
    const again = this.#open.get(decisionId);
    if (again === undefined) return;
    await this.#host.caughtUp();
    await again.turn.resume();
  }

  /** The recording has a decision made: what has come of it now is compared. */
  async conclude(decisionId: string): Promise<void> {
    const again = this.#open.get(decisionId);
    if (again === undefined) return;
    again.turn.free();
    try {
      const record = await again.made;
      again.told = this.#compare(again, record);
    } catch (cause) {
      this.#open.delete(decisionId);
      this.#parts.tally.fail(decisionId, cause);
    } finally {
      this.#host.plugins.end(again.firstCallId);
    }
  }

  /** Plugins are told what became of a request. */
  tell(decisionId: string, event: FeedbackEvent): void {
    const again = this.#open.get(decisionId);
    const told = again?.told;
    if (again === undefined || told === undefined) return;
    if (event.event.case === "picked") again.pins?.sent((profile) => pickedIn(told.record, profile));
    if (tell(told, event)) this.#open.delete(decisionId);
  }

  /** Nothing more comes of it. */
  async end(): Promise<void> {
    this.#parts.tally.repeatedMisses += this.#host.plugins.repeated;
    await this.#host.stop();
  }

  #run(
    again: Pick<Again, "decision" | "turn" | "firstCallId"> & {
      readonly candidates: Uint32Array;
      readonly facts: ReturnType<typeof toFacts>;
    },
  ): DecisionRecord | Promise<DecisionRecord> {
    const { decision, candidates, facts, turn, firstCallId } = again;
    const { plan } = this.#host.inForce;
    const snapshot = this.#table.current;
    const inflight = toInflight(decision, this.#keys, snapshot.slotCount);
    if (plan.readsInflight && inflight === undefined) this.#parts.tally.lack("in-flight columns");
    try {
      const { decisionId, seed } = decision;
      const { clock } = turn;
      const counts = inflight ?? this.#table.inflight;
      const made = runCycle({
        decisionId,
        firstCallId,
        plan,
        snapshot,
        candidates,
        facts,
        inflight: counts,
        seed,
        clock,
      });
      if (made instanceof Promise) made.catch(() => {});
      return made;
    } catch (cause) {
      const failed = Promise.reject<DecisionRecord>(cause);
      failed.catch(() => {});
      return failed;
    }
  }

  #asking(plugin: string, callId: number): void {
    if (this.#heard.catchUp(plugin, callId)) this.#host.flush();
  }

  #compare(again: Again, record: DecisionRecord): ToldDecision {
    const { isRecorded } = this.#parts.replayed;
    const { decision } = again;
    const recorded: KeyedDecision = { decision, keys: this.#keys };
    const now = this.#write(record);
    const difference = findDifference(recorded, now);
    this.#parts.tally.compare({ recorded, now, record, difference });
    const slot = record.destination[0] ?? -1;
    const isAsRecorded = isRecorded || slot === (decision.destination[0] ?? -1);
    const all = listenersOf(record, earsOf(this.#host.inForce.plan));
    const listeners = all.filter(({ name }) => !this.#heard.tells(name));
    return { record, listeners, promptTokens: again.promptTokens, slot, isAsRecorded };
  }

  #write(record: DecisionRecord): KeyedDecision {
    const numbers = createColumnNumbers();
    const { plan } = this.#host.inForce;
    const isRefused = record.refusal !== undefined || record.failedBy !== "";
    const refusal = isRefused ? refuse("ServiceUnavailable", "") : undefined;
    const decision = toDecision(record, { door: "replay", plan, refusal }, numbers);
    return { decision, keys: toKeys({ columns: numbers.columns() }) };
  }

  /** Weights that were set for a while count again as long. */
  #weigh(decision: Decision): void {
    const { isRecorded, config } = this.#parts.replayed;
    if (!isRecorded) return;
    const limited = findWeights(decision, config);
    const { inForce } = this.#host;
    if (!isSameWeights(limited, inForce.limited)) inForce.weigh(limited);
  }

  /** Where another configuration pins a session by what it has picked itself. */
  #pin({ atMs: nowMs, facts }: Decision, candidates: Uint32Array): SessionPins | undefined {
    const { sessions } = this.#host.inForce.current.rules;
    if (this.#parts.replayed.isRecorded || sessions === undefined) return undefined;
    const { sessionKey = "", headers = {} } = facts ?? {};
    const request = { header: (name: string) => headers[name], given: { sessionKey } };
    return sessions.pin(request, { snapshot: this.#table.current, candidates, nowMs });
  }

  #change({ facts }: Decision, pins: SessionPins | undefined): FactsChange | undefined {
    if (this.#parts.replayed.isRecorded) return undefined;
    const priority = this.#host.inForce.current.rules.priorityOf(facts?.objective ?? "");
    return { priority, pins: pins?.slots ?? new Map(), pinnedSlot: pins?.pinnedSlot ?? -1 };
  }
}
