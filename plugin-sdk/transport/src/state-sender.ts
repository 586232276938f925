import type { EndpointSnapshot } from "@outrider/core/contract";
import { type EndpointChange, OutriderError } from "@outrider/core/contract";
import type { PushStateResponse } from "@outrider/protos/scorer";
import { fromRpcFailure, RpcFailure } from "./rpc-failure.ts";
import { type EncodedStep, encodeStateStep } from "./state-frames.ts";
import type { StateGrants } from "./state-grants.ts";
import { WireWriter } from "./wire-writer.ts";

/** Steps that a plugin may be behind with acknowledging before it gets no further ones. */
const mostUnackedSteps = 8;

/** What a state sender needs of its session. */
export interface StateOutlet {
  /** Whether the stream takes more just now. */
  isWritable(): boolean;
  /** Sends one chunk, a frame with its header. */
  send(frame: Buffer): void;
  /** A step was sent completely; in-flight values of the slots that changed hands are to be sent anew. */
  stepped(change: EndpointChange, isFull: boolean): void;
  /** A step was refused, a full one is under way or comes with the next snapshot. */
  refused(error: OutriderError): void;
}

/** Keeps a plugin's endpoint table in step with the host's. */
export interface StateSender {
  /** Last snapshot that was sent completely, the state calls are put on; `undefined` = none. */
  readonly sent: EndpointSnapshot | undefined;
  /** Last snapshot that was acknowledged; `undefined` = none. */
  readonly acked: EndpointSnapshot | undefined;
  /** Whether a step has been begun and not yet ended. */
  readonly inStep: boolean;
  /** A configuration was accepted: from now on this is sent, beginning in full. */
  grant(grants: StateGrants): void;
  /** Brings the plugin to a snapshot, sooner or later. */
  publish(snapshot: EndpointSnapshot): void;
  /** Starts over in full. */
  resync(): void;
  /** Goes on where the stream was full. */
  resume(): void;
  /** Takes an answer; false where no step waits for one. */
  acknowledge(response: PushStateResponse): boolean;
  /** Settles with the first acknowledged step. */
  synced(): Promise<void>;
  /** Sends nothing any more; who waits for the first acknowledgement fails. */
  stop(error: OutriderError): void;
}

interface UnackedStep {
  readonly number: number;
  readonly after: EndpointSnapshot;
  readonly isFull: boolean;
}

interface StepInProgress extends UnackedStep {
  readonly step: EncodedStep;
  /** Frame that is sent next. */
  next: number;
}

/** @param epoch of the session. Chunks are sent one a turn of the event loop, so that calls get in between. */
export function createStateSender(epoch: number, outlet: StateOutlet): StateSender {
  return new SteppingSender(epoch, outlet);
}

class SteppingSender implements StateSender {
  sent: EndpointSnapshot | undefined;
  acked: EndpointSnapshot | undefined;
  readonly #epoch: number;
  readonly #outlet: StateOutlet;
  readonly #synced = Promise.withResolvers<void>();
  readonly #writer = new WireWriter();
  #grants: StateGrants | undefined;
  #latest: EndpointSnapshot | undefined;
  #needsFull = true;
  /** The whole table was refused: nothing is sent before the next snapshot. */
  #isRefused = false;
  #progress: StepInProgress | undefined;
  #unacked: UnackedStep[] = [];
  #steps = 0;
  #lastFullStep = 0;
  #turn: NodeJS.Immediate | undefined;

  constructor(epoch: number, outlet: StateOutlet) {
    this.#epoch = epoch;
    this.#outlet = outlet;
    // Nobody need wait for it.
    this.#synced.promise.catch(() => {});
  }

  get inStep(): boolean {
    return this.#progress !== undefined;
  }

  grant(grants: StateGrants): void {
    this.#grants = grants;
    this.resync();
  }

  publish(snapshot: EndpointSnapshot): void {
    this.#latest = snapshot;
    this.#isRefused = false;
    this.resume();
  }

  resync(): void {
    this.#needsFull = true;
    this.#isRefused = false;
    this.#progress = undefined;
    // At once, so that whoever begins to listen now hears no call before it.
    clearImmediate(this.#turn);
    this.#turn = undefined;
    this.resume();
  }

  resume(): void {
    if (this.#turn !== undefined || !this.#outlet.isWritable()) return;
    this.#progress ??= this.#begin();
    if (this.#progress === undefined) return;
    this.#sendChunk(this.#progress);
    if (this.#progress === undefined) return;
    this.#turn = setImmediate(() => {
      this.#turn = undefined;
      this.resume();
    });
  }

  acknowledge(response: PushStateResponse): boolean {
    const step = this.#unacked.shift();
    if (step === undefined) return false;
    const { nack, epoch, rev } = response;
    if (nack !== undefined) this.#refused(step, fromRpcFailure(new RpcFailure(nack.code, nack.message), "state"));
    else if (epoch !== this.#epoch || rev !== step.after.rev)
      this.#refused(step, wrongAck(response, this.#epoch, step.after.rev));
    else this.#acknowledged(step);
    return true;
  }

  synced(): Promise<void> {
    return this.#synced.promise;
  }

  stop(error: OutriderError): void {
    clearImmediate(this.#turn);
    this.#grants = undefined;
    this.#progress = undefined;
    this.#synced.reject(error);
  }

  #begin(): StepInProgress | undefined {
    const after = this.#latest;
    if (this.#grants === undefined || after === undefined || this.#isRefused) return undefined;
    const isFull = this.#needsFull;
    const mayBegin = isFull || (after !== this.sent && this.#unacked.length < mostUnackedSteps);
    if (!mayBegin) return undefined;
    const before = isFull ? undefined : this.sent;
    const step = encodeStateStep({ epoch: this.#epoch, before, after, grants: this.#grants }, this.#writer);
    this.#needsFull = false;
    this.#steps += 1;
    if (isFull) this.#lastFullStep = this.#steps;
    return { number: this.#steps, isFull, after, step, next: 0 };
  }

  #sendChunk(progress: StepInProgress): void {
    const { step, after, isFull, number } = progress;
    this.#outlet.send(step.frames[progress.next]!);
    progress.next += 1;
    if (progress.next < step.frames.length) return;
    this.#progress = undefined;
    this.sent = after;
    this.#unacked.push({ number, after, isFull });
    this.#outlet.stepped(step.change, isFull);
  }

  #acknowledged({ after }: UnackedStep): void {
    this.acked = after;
    this.#synced.resolve();
    this.resume();
  }

  /** A refused whole table is tried again with the next snapshot only, so that two sides that disagree do not spin. */
  #refused({ number, isFull }: UnackedStep, error: OutriderError): void {
    if (number < this.#lastFullStep) return;
    this.#outlet.refused(error);
    this.#needsFull = true;
    this.#isRefused = isFull;
    if (!isFull) this.resync();
  }
}

function wrongAck({ epoch, rev }: PushStateResponse, wantedEpoch: number, wantedRev: number): OutriderError {
  const message = `state ${epoch}:${rev} was acknowledged where ${wantedEpoch}:${wantedRev} was sent`;
  return new OutriderError("PROTOCOL_VIOLATION", message);
}
