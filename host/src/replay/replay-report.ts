import type { StateScope } from "@outrider/core/contract";
import type { Placement } from "../plugins/types.ts";
import type { Discrepancy } from "./answers.ts";
import type { RecordedInstance } from "./recorded-instance.ts";

/** Which answers differ: those of two placements now, or one of now and the recorded one. */
export type DifferenceKind = "placements" | "recorded";

/** One difference between two answers to a call. */
export interface ReplayDifference extends Discrepancy {
  readonly kind: DifferenceKind;
  readonly process: string;
  readonly generation: number;
  readonly instance: number;
  readonly type: string;
  readonly callId: number;
  /** Of the candidate; -1 with `outcome`. */
  readonly slot: number;
  /** Id of the endpoint in it; empty with `outcome`. */
  readonly endpoint: string;
  /** Whose answers `a` and `b` are: placements, or `recorded`. */
  readonly between: readonly [string, string];
}

/** How the calls of one instance were answered. */
export interface InstanceReport {
  readonly process: string;
  readonly instance: number;
  readonly type: string;
  readonly state: StateScope;
  /** Whether it may have learned before the recording began, or from frames that were missed. */
  readonly learnedBefore: boolean;
  /** Calls put to every placement. */
  readonly calls: number;
  /** Events told to every placement. */
  readonly events: number;
  /** Calls that placements answered differently. */
  readonly differing: number;
  /** Calls that a placement failed to answer. */
  readonly failed: Readonly<Partial<Record<Placement, number>>>;
  readonly recorded: {
    /** Calls whose recorded answer was compared. */
    readonly compared: number;
    /** Of these, answered differently now. */
    readonly differing: number;
    /** Recorded answers that were errors. */
    readonly failed: number;
    /** Recorded answers on a later state than the call's. */
    readonly later: number;
  };
}

/** What of a recording was left out, by why. */
export interface Skipped {
  /** Frames of connections whose handshake or configuration the recording has not. */
  readonly unconfigured: number;
  /** Chunks of state and calls before the first whole state of their connection. */
  readonly stateless: number;
  /** Calls about endpoints that the recording has not, or of another epoch. */
  readonly unknownEndpoints: number;
  /** Events of calls that were not put. */
  readonly unknownCalls: number;
  /** Score tables that a plugin sent of its own accord: no call asked for them. */
  readonly tables: number;
  /** Frames that are no message of the contract. */
  readonly invalid: number;
  /** Entries that are no frames. */
  readonly otherEntries: number;
}

/** What a replay came to. */
export interface ReplayReport {
  /** Whether nothing says that a plugin answers other than it should. */
  readonly agrees: boolean;
  readonly placements: readonly Placement[];
  /** Version of the host that wrote the recording. */
  readonly hostVersion: string;
  readonly frames: number;
  /** Connections after the first of a plugin that still knew what it had learned. */
  readonly reconnects: number;
  /** Times that frames were missed while the recording was written. */
  readonly gaps: number;
  readonly instances: readonly InstanceReport[];
  /** The first differences, as many as were asked for. */
  readonly differences: readonly ReplayDifference[];
  readonly skipped: Skipped;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
/** The same while it is counted. */
export type InstanceTally = Mutable<Omit<InstanceReport, "recorded" | "failed">> & {
  readonly recorded: Mutable<InstanceReport["recorded"]>;
  readonly failed: Partial<Record<Placement, number>>;
};

/** Counts while a recording is replayed. */
export class ReplayTally {
  readonly skipped: Mutable<Skipped> = {
    unconfigured: 0,
    stateless: 0,
    unknownEndpoints: 0,
    unknownCalls: 0,
    tables: 0,
    invalid: 0,
    otherEntries: 0,
  };
  hostVersion = "";
  frames = 0;
  reconnects = 0;
  gaps = 0;
  readonly #placements: readonly Placement[];
  readonly #show: number;
  readonly #instances = new Map<string, InstanceTally>();
  readonly #differences: ReplayDifference[] = [];

  /** @param show differences kept of each kind. */
  constructor(placements: readonly Placement[], show: number) {
    this.#placements = placements;
    this.#show = show;
  }

  /** Calls put so far. */
  get calls(): number {
    return Array.from(this.#instances.values()).reduce((sum, { calls }) => sum + calls, 0);
  }

  /** Of one instance of a process, across its restarts and generations. */
  of(process: string, { id, type, state }: RecordedInstance, learnedBefore: boolean): InstanceTally {
    const key = JSON.stringify([process, id, type]);
    const known = this.#instances.get(key);
    if (known !== undefined) {
      known.learnedBefore ||= learnedBefore;
      return known;
    }
    const recorded = { compared: 0, differing: 0, failed: 0, later: 0 };
    const counts = { calls: 0, events: 0, differing: 0, failed: {}, recorded };
    const tally: InstanceTally = { process, instance: id, type, state, learnedBefore, ...counts };
    this.#instances.set(key, tally);
    return tally;
  }

  /** Keeps a difference for people, if there are not enough. */
  differ(difference: ReplayDifference): void {
    const kept = this.#differences.filter(({ kind }) => kind === difference.kind);
    if (kept.length < this.#show) this.#differences.push(difference);
  }

  report(): ReplayReport {
    const instances = [...this.#instances.values()];
    const { hostVersion, frames, reconnects, gaps, skipped } = this;
    return {
      agrees: instances.every(agrees),
      placements: this.#placements,
      hostVersion,
      frames,
      reconnects,
      gaps,
      instances,
      differences: this.#differences,
      skipped,
    };
  }
}

/** A plugin that keeps state may have learned what is not in the recording. */
function agrees({ differing, recorded, state }: InstanceReport): boolean {
  return differing === 0 && (state !== "none" || recorded.differing === 0);
}
