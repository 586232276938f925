import {
  type CandidateData,
  type CycleCall,
  createRandom,
  type EndpointColumns,
  type EndpointSnapshot,
  type PeerPick,
  type RequestFacts,
} from "@outrider/core";
import { type DecodedCall, type DecodedData, fromBitmap, hasBit, toBitmap } from "@outrider/transport";

/** Budget that nothing is late for, in ms. */
export const replayBudgetMs = 1_000;

/** What all placements of a recorded call have in common. */
export interface CallSubject {
  readonly recorded: DecodedCall;
  readonly snapshot: EndpointSnapshot;
  /** Slots, ascending. */
  readonly candidates: Uint32Array;
  readonly columns: EndpointColumns;
  readonly data: CandidateData;
}

/** Slots that a recorded call asked about; `undefined` = the recording has not all of their endpoints. */
export function candidatesOf({ candidates }: DecodedCall, snapshot: EndpointSnapshot): Uint32Array | undefined {
  const asked = candidates.length === 0 ? snapshot.live : fromBitmap(candidates);
  return asked.length > 0 && asked.every((slot) => snapshot.at(slot) !== undefined) ? asked : undefined;
}

/** Granted data of a recorded call. @param keys key of each number. */
export function toCandidateData(
  data: readonly DecodedData[],
  keys: ReadonlyMap<number, string>,
  count: number,
): CandidateData {
  const columns = new Map<string, Float32Array>();
  for (const { column, values, unknown } of data) {
    const key = keys.get(column);
    if (key === undefined || values.count !== count) continue;
    columns.set(
      key,
      values.toArray().map((value, i) => (hasBit(unknown, i) ? Number.NaN : value)),
    );
  }
  return { get: (key) => columns.get(key) ?? new Float32Array(count).fill(Number.NaN) };
}

/** A recorded call as it is put to one placement. */
export class ReplayCall implements CycleCall {
  readonly budgetUs = replayBudgetMs * 1000;
  readonly #subject: CallSubject;
  #random: (() => number) | undefined;
  #vetoed: Uint8Array | undefined;

  constructor(subject: CallSubject) {
    this.#subject = subject;
  }

  get callId(): number {
    return this.#subject.recorded.callId;
  }

  get candidates(): Uint32Array {
    return this.#subject.candidates;
  }

  get columns(): EndpointColumns {
    return this.#subject.columns;
  }

  get endpoints(): EndpointSnapshot {
    return this.#subject.snapshot;
  }

  get snapshot(): EndpointSnapshot {
    return this.#subject.snapshot;
  }

  get request(): RequestFacts {
    return this.#subject.recorded.request;
  }

  get data(): CandidateData {
    return this.#subject.data;
  }

  get profile(): string {
    return this.#subject.recorded.profile;
  }

  get peers(): readonly PeerPick[] {
    return this.#subject.recorded.peers;
  }

  get nowMs(): number {
    return this.#subject.recorded.nowMs;
  }

  get seed(): number {
    return this.#subject.recorded.seed;
  }

  get random(): () => number {
    this.#random ??= createRandom(this.seed);
    return this.#random;
  }

  get vetoed(): Uint8Array | undefined {
    return this.#vetoed;
  }

  /** A getter, as {@link random} is, so that a scorer may take both out of its call. */
  get veto(): (position: number) => void {
    return (position) => {
      this.#vetoed ??= new Uint8Array(this.candidates.length);
      if (position < this.#vetoed.length) this.#vetoed[position] = 1;
    };
  }

  candidateBitmap(): Uint8Array {
    return toBitmap(this.candidates);
  }
}
