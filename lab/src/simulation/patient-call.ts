import { type CycleCall, createRandom } from "@outrider/core";

/** Time that a plugin has for an answer in real time, in µs: the call's own budget is one of virtual time. */
const realBudgetUs = 60_000_000;

/** A call to a plugin that answers in real time: it is not late there. */
export class PatientCall implements CycleCall {
  readonly budgetUs = realBudgetUs;
  readonly #call: CycleCall;
  #random: (() => number) | undefined;

  constructor(call: CycleCall) {
    this.#call = call;
  }

  get callId() {
    return this.#call.callId;
  }

  get candidates() {
    return this.#call.candidates;
  }

  get columns() {
    return this.#call.columns;
  }

  get endpoints() {
    return this.#call.endpoints;
  }

  get request() {
    return this.#call.request;
  }

  get data() {
    return this.#call.data;
  }

  get profile() {
    return this.#call.profile;
  }

  get peers() {
    return this.#call.peers;
  }

  get nowMs() {
    return this.#call.nowMs;
  }

  get seed() {
    return this.#call.seed;
  }

  get snapshot() {
    return this.#call.snapshot;
  }

  get isRehearsal() {
    return this.#call.isRehearsal ?? false;
  }

  get vetoed() {
    return this.#call.vetoed;
  }

  get random(): () => number {
    this.#random ??= createRandom(this.seed);
    return this.#random;
  }

  get veto(): (position: number) => void {
    return (position) => this.#call.veto(position);
  }

  candidateBitmap(): Uint8Array {
    return this.#call.candidateBitmap();
  }
}
