import type { EndpointSnapshot, EndpointTable, Plan } from "@outrider/core";
import type { Record as RecordEntry } from "@outrider/protos/record";
import type { FrameListener, PluginGenerations } from "../plugins/types.ts";
import type { BegunDecision, DecisionRecorder, DecisionWatch } from "../scheduling/recorder.ts";
import { type FeedEntry, keepFacts, keepFrame, keepInflight, type PromptWishes, sizeOf } from "./feed-entry.ts";
import type { RecordingHeader } from "./recording-header.ts";
import { createEntryWriter } from "./write-entry.ts";

/** What of decisions one recording keeps. */
export interface FeedWishes extends PromptWishes {
  /** Share of them, in (0, 1]. */
  readonly sample: number;
}

/** What a feed tells of. */
export interface FeedParts {
  readonly table: Pick<EndpointTable, "current" | "onPublish">;
  /** What decisions are made by now. */
  readonly plan: () => Plan;
  /** Of a recording that begins now. */
  readonly header: () => RecordingHeader;
  /** Decisions that the host has made so far. */
  readonly decided: () => number;
  /** Listens to what is sent to plugins; returns what ends it. */
  readonly overhear: PluginGenerations["overhear"];
}

/** Decisions as they are made, for one caller, as entries of a recording. */
export interface DecisionFeed {
  /** Next entries, in order; waits for the first of them. Empty = the feed was ended. */
  next(): Promise<readonly RecordEntry[]>;
  /** Entries that were missed so far, because the caller was too slow. */
  readonly dropped: number;
  /** Hears no more; what waits gets nothing. */
  end(): void;
}

/** Memory that may wait for one caller, in bytes, and entries. */
const maxWaitingBytes = 16 * 1024 * 1024;
const maxWaiting = 65_536;
/** Entries written out in one turn of the event loop, at most: requests go on in between. */
const entriesPerTurn = 32;

/** A feed, and what it hears by. */
export interface OpenFeed extends DecisionFeed {
  readonly recorder: DecisionRecorder;
}

/** Listens at once. Behind entries that were missed it starts anew, with a header and the whole table. */
export function openDecisionFeed(parts: FeedParts, wishes: FeedWishes, limitBytes = maxWaitingBytes): OpenFeed {
  return new Feed(parts, wishes, limitBytes);
}

class Feed implements OpenFeed {
  readonly recorder: DecisionRecorder = { begin: (decision) => this.#begin(decision) };
  readonly #parts: FeedParts;
  readonly #wishes: FeedWishes;
  readonly #limitBytes: number;
  readonly #writer = createEntryWriter();
  readonly #ends: readonly (() => void)[];
  #waiting: FeedEntry[] = [];
  #bytes = 0;
  #dropped = 0;
  /** An entry was missed: the next ones mean nothing without it. */
  #hasGap = false;
  #isEnded = false;
  /** Counts starts: what belongs to an earlier one is told no more. */
  #era = 0;
  #generation = 0;
  #keys: readonly string[] = [];
  #told: EndpointSnapshot;
  #wake = () => {};

  constructor(parts: FeedParts, wishes: FeedWishes, limitBytes: number) {
    this.#parts = parts;
    this.#wishes = wishes;
    this.#limitBytes = limitBytes;
    this.#told = parts.table.current;
    this.#start(parts.table.current);
    const endTable = parts.table.onPublish((snapshot, { removedSlots, upserted }) => {
      if (removedSlots.length > 0 || upserted.length > 0) this.#tellTable(snapshot);
    });
    this.#ends = wishes.sample < 1 ? [endTable] : [endTable, parts.overhear((frame) => this.#tellFrame(frame))];
  }

  get dropped(): number {
    return this.#dropped;
  }

  async next(): Promise<readonly RecordEntry[]> {
    if (this.#waiting.length === 0 && this.#hasGap && !this.#isEnded) this.#startAnew();
    if (this.#waiting.length === 0 && !this.#isEnded) await new Promise<void>((resolve) => (this.#wake = resolve));
    const taken = this.#waiting.splice(0, entriesPerTurn);
    for (const entry of taken) this.#bytes -= sizeOf(entry);
    return taken.flatMap((entry) => this.#writer.write(entry));
  }

  end(): void {
    this.#isEnded = true;
    this.#waiting = [];
    for (const end of this.#ends) end();
    this.#wake();
  }

  #begin(decision: BegunDecision): DecisionWatch | undefined {
    const { decisionId, facts, snapshot, plan, inflight, seed } = decision;
    const { sample } = this.#wishes;
    if (this.#isEnded || (sample < 1 && seed >= sample * 2 ** 32)) return undefined;
    if (plan.generation !== this.#generation || snapshot.columns.keys.length !== this.#keys.length) {
      this.#start(snapshot);
    }
    this.#tellTable(snapshot);
    this.#push({ kind: "begun", decisionId, facts: keepFacts(facts, this.#wishes) });
    return this.#watch(decisionId, plan.readsInflight ? undefined : keepInflight(inflight, snapshot.slotCount));
  }

  #watch(decisionId: string, inflight: ReturnType<typeof keepInflight> | undefined): DecisionWatch {
    const era = this.#era;
    const put = (entry: FeedEntry) => {
      if (era === this.#era) this.#push(entry);
      else this.#dropped += 1;
    };
    return {
      resumed: () => put({ kind: "resumed", decisionId }),
      made: (record, circumstances) => put({ kind: "made", record, circumstances, inflight }),
      told: (event) => put({ kind: "told", decisionId, event }),
    };
  }

  #tellTable(snapshot: EndpointSnapshot): void {
    if (snapshot.rev <= this.#told.rev) return;
    this.#told = snapshot;
    this.#push({ kind: "snapshot", snapshot });
  }

  #tellFrame(shown: Parameters<FrameListener>[0]): void {
    const frame = keepFrame(shown);
    if (frame !== undefined) this.#push({ kind: "sent", frame });
  }

  #startAnew(): void {
    this.#hasGap = false;
    this.#start(this.#parts.table.current);
  }

  #start(snapshot: EndpointSnapshot): void {
    const { header, decided, plan } = this.#parts;
    const { sample } = this.#wishes;
    const kept = { decidedBefore: decided(), sample: sample < 1 ? sample : 0, dropped: this.#dropped };
    this.#era += 1;
    this.#generation = plan().generation;
    this.#keys = snapshot.columns.keys;
    this.#told = snapshot;
    this.#push({ kind: "start", header: { ...header(), ...kept }, snapshot, plan: plan() });
  }

  #push(entry: FeedEntry): void {
    if (this.#isEnded) return;
    const size = sizeOf(entry);
    const isFull = this.#bytes + size > this.#limitBytes || this.#waiting.length >= maxWaiting;
    if (this.#hasGap || (this.#waiting.length > 0 && isFull)) {
      if (!this.#hasGap) this.#era += 1;
      this.#hasGap = true;
      this.#dropped += 1;
      return;
    }
    this.#bytes += size;
    this.#waiting.push(entry);
    this.#wake();
  }
}
