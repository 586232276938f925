import type { DecisionRecord, Picker } from "@outrider/core";
import type { Header } from "@outrider/protos/record";
import type { Difference, KeyedDecision } from "./difference.ts";
import type { FrameLog } from "./frame-log.ts";
import { MoveTally } from "./move-tally.ts";
import { processOf } from "./plugin-process.ts";
import type { PluginStates } from "./plugin-states.ts";
import { PluginTally } from "./plugin-tally.ts";
import type { DecisionDifference, ReplayReport, SkipReason } from "./replay-report.ts";
import type { ReplayedConfig } from "./replayed-config.ts";

/** A decision that was made again. */
export interface ComparedDecision {
  readonly recorded: KeyedDecision;
  readonly now: KeyedDecision;
  readonly record: DecisionRecord;
  /** Where they first differ; `undefined` = nowhere. */
  readonly difference: Difference | undefined;
}

/** A part of a recording. */
export interface TalliedPart {
  readonly header: Header;
  readonly replayed: ReplayedConfig;
  readonly states: PluginStates;
  /** What was sent to plugins. */
  readonly frames: FrameLog;
}

/** Counts what a replay comes to. */
export class ReplayTally {
  /** Steps of the endpoint table that could not be read. */
  unreadableSteps = 0;
  /** Answers that were missing again. */
  repeatedMisses = 0;
  readonly #show: number;
  readonly #plugins = new PluginTally();
  readonly #moves: MoveTally;
  readonly #skipped: Partial<Record<SkipReason, number>> = {};
  readonly #lacking: Record<string, number> = {};
  readonly #differences: DecisionDifference[] = [];
  #header: Header | undefined;
  #parts = 0;
  #isWhole = true;
  #dropped = 0;
  #replayed: ReplayedConfig | undefined;
  #states: PluginStates = new Map();
  #frames: FrameLog | undefined;
  #pickers: readonly Picker[] = [];
  #made = 0;
  #samePick = 0;
  #identical = 0;
  #unexplained = 0;
  #learnedBefore = 0;

  /** @param show differences and moves kept for people. */
  constructor(show: number) {
    this.#show = show;
    this.#moves = new MoveTally(show);
  }

  /** Decisions made again so far. */
  get replayed(): number {
    return this.#made;
  }

  /** A part begins. */
  begin({ header, replayed, states, frames }: TalliedPart): void {
    this.#header ??= header;
    this.#parts += 1;
    this.#isWhole &&= this.#parts === 1 && header.decidedBefore === 0 && header.sample === 0;
    this.#dropped = Math.max(this.#dropped, header.dropped);
    this.#replayed = replayed;
    this.#states = states;
    this.#frames = frames;
  }

  /** The pickers that decisions are made by now. */
  usePickers(pickers: readonly Picker[]): void {
    this.#pickers = pickers;
  }

  skip(why: SkipReason): void {
    this.#skipped[why] = (this.#skipped[why] ?? 0) + 1;
  }

  /** A decision ended in an error of a filter, picker or handler. */
  fail(decisionId: string, cause: unknown): void {
    this.skip("failed");
    const what = cause instanceof Error ? cause.message : String(cause);
    this.#differ({ decisionId, source: "profile", name: "", what: `failed: ${what}`, isLearnedBefore: false });
  }

  /** A decision reads something that the recording has not. */
  lack(what: string): void {
    this.#lacking[what] = (this.#lacking[what] ?? 0) + 1;
  }

  compare(compared: ComparedDecision): void {
    const { recorded, now, record, difference } = compared;
    this.#made += 1;
    this.#plugins.compare(recorded, now);
    const { decisionId } = recorded.decision;
    if (recorded.decision.destination[0] === now.decision.destination[0]) this.#samePick += 1;
    else this.#moves.add({ recorded: recorded.decision, now: now.decision, record });
    if (difference === undefined) this.#identical += 1;
    else this.#differ({ decisionId, ...difference, isLearnedBefore: this.#mayHaveLearned(difference) });
  }

  report(): ReplayReport {
    const source = this.#replayed?.source ?? { name: "", sha256: "" };
    const isRecorded = this.#replayed?.isRecorded ?? true;
    const skipped = Object.values(this.#skipped).reduce((sum, count) => sum + count, 0);
    return {
      agrees: !isRecorded || this.#unexplained === 0,
      recording: {
        hostVersion: this.#header?.hostVersion ?? "",
        parts: this.#parts,
        isWhole: this.#isWhole,
        dropped: this.#dropped,
        decisions: this.#made + skipped,
      },
      configuration: { name: source.name, sha256: source.sha256, isRecorded },
      replayed: this.#made,
      skipped: this.#skipped,
      unreadableSteps: this.unreadableSteps,
      repeatedMisses: this.repeatedMisses,
      lacking: this.#lacking,
      samePick: this.#samePick,
      agreement: this.#made === 0 ? null : this.#samePick / this.#made,
      identical: this.#identical,
      learnedBefore: this.#learnedBefore,
      differences: this.#differences,
      plugins: this.#plugins.report(this.#states),
      ...this.#moves.report(),
    };
  }

  #differ(difference: DecisionDifference): void {
    if (difference.isLearnedBefore) this.#learnedBefore += 1;
    else this.#unexplained += 1;
    if (this.#differences.length < this.#show) this.#differences.push(difference);
  }

  /** What a recording that does not begin with its host's first decision leaves unknown. */
  #mayHaveLearned({ source, name }: Difference): boolean {
    if (this.#isWhole) return this.#hasRestarted(name);
    if (source === "picker") return this.#pickers.some((picker) => picker.name === name && picker.again !== undefined);
    const state = source === "producer" || source === "scorer" ? this.#states.get(name) : "none";
    return state !== "none" && state !== undefined;
  }

  /** Whether a plugin's process has lost what it had learned, or got it back. */
  #hasRestarted(plugin: string): boolean {
    const spec = this.#replayed?.config.plugins.find(({ name }) => name === plugin);
    const process = spec && processOf(spec);
    return process !== undefined && (this.#frames?.restarted.has(process) ?? false);
  }
}
