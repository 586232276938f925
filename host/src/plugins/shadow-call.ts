import {
  type CandidateData,
  type CycleCall,
  createRandom,
  type EndpointColumns,
  type EndpointDirectory,
  type EndpointSnapshot,
  type PeerPick,
  type RequestFacts,
} from "@outrider/core/contract";

/** A call put once more to somebody whose answer does not count: it vetoes nothing and uses up no randomness. */
export class ShadowCall implements CycleCall {
  readonly vetoed = undefined;
  readonly #call: CycleCall;
  #random: (() => number) | undefined;

  constructor(call: CycleCall) {
    this.#call = call;
  }

  get callId(): number {
    return this.#call.callId;
  }

  get candidates(): Uint32Array {
    return this.#call.candidates;
  }

  get columns(): EndpointColumns {
    return this.#call.columns;
  }

  get endpoints(): EndpointDirectory {
    return this.#call.endpoints;
  }

  get request(): RequestFacts {
    return this.#call.request;
  }

  get data(): CandidateData {
    return this.#call.data;
  }

  get profile(): string {
    return this.#call.profile;
  }

  get peers(): readonly PeerPick[] {
    return this.#call.peers;
  }

  get nowMs(): number {
    return this.#call.nowMs;
  }

  get seed(): number {
    return this.#call.seed;
  }

  get snapshot(): EndpointSnapshot {
    return this.#call.snapshot;
  }

  get budgetUs(): number {
    return this.#call.budgetUs;
  }

  random(): number {
    this.#random ??= createRandom(this.seed);
    return this.#random();
  }

  veto(_position: number): void {}

  candidateBitmap(): Uint8Array {
    return this.#call.candidateBitmap();
  }
}
