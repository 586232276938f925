import type { CycleCall, EndpointSnapshot } from "../contract/index.ts";
import { createRandom, type EndpointColumns, type EndpointDirectory, type PeerPick } from "../contract/index.ts";
import type { CandidateSet } from "./candidate-set.ts";
import type { CycleFacts } from "./types.ts";

/** What all calls of one step of a decision have in common. */
export interface CallContext {
  readonly snapshot: EndpointSnapshot;
  readonly columns: EndpointColumns;
  readonly request: CycleFacts;
  readonly candidates: CandidateSet;
  /** Profile that asks; empty for producers. */
  readonly profile: string;
  readonly peers: readonly PeerPick[];
  readonly nowMs: number;
  readonly isRehearsal: boolean;
}

/** One call to a plugin or filter. */
export class Call implements CycleCall {
  readonly callId: number;
  readonly seed: number;
  readonly budgetUs: number;
  readonly #context: CallContext;
  #random: (() => number) | undefined;
  #vetoed: Uint8Array | undefined;

  constructor(context: CallContext, callId: number, seed: number, budgetUs: number) {
    this.#context = context;
    this.callId = callId;
    this.seed = seed;
    this.budgetUs = budgetUs;
  }

  get candidates(): Uint32Array {
    return this.#context.candidates.slots;
  }

  get columns(): EndpointColumns {
    return this.#context.columns;
  }

  get endpoints(): EndpointDirectory {
    return this.#context.snapshot;
  }

  get request(): CycleFacts {
    return this.#context.request;
  }

  get pins(): ReadonlyMap<string, number> | undefined {
    return this.#context.request.pins;
  }

  get data(): CandidateSet {
    return this.#context.candidates;
  }

  get profile(): string {
    return this.#context.profile;
  }

  get peers(): readonly PeerPick[] {
    return this.#context.peers;
  }

  get nowMs(): number {
    return this.#context.nowMs;
  }

  get isRehearsal(): boolean {
    return this.#context.isRehearsal;
  }

  get snapshot(): EndpointSnapshot {
    return this.#context.snapshot;
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

  /** The same question to another scorer, which is to answer it at once. */
  again(): Call {
    return new Call(this.#context, this.callId, this.seed, 0);
  }

  candidateBitmap(): Uint8Array {
    return this.#context.candidates.bitmap(this.#context.snapshot.slotCount);
  }
}
