import { OutriderError } from "@outrider/core/contract";
import type { HandshakeRequest, HandshakeResponse, SessionRequest } from "@outrider/protos/scorer";
import {
  type Answer,
  type BatchBytes,
  createAnswerBatch,
  createFrameDecoder,
  type DecodedCall,
  decodeRequest,
  decodeScoreBatch,
  encodeResponse,
  fromWireEvent,
  type ResponseFrame,
} from "@outrider/transport";
import type { HostState } from "./host-state.ts";
import type { Caller } from "./served-instance.ts";

/** Where a session's frames go. */
export interface SessionOutlet {
  /** Sends one frame with its header. */
  write(frame: Uint8Array): void;
  /** Ends the stream, with a Connect code. */
  end(code: string, message: string): void;
}

/** What a session is made of. */
export interface PluginSessionOptions {
  /** Where its frames go. */
  readonly outlet: SessionOutlet;
  /** Answer to the host's hello. */
  readonly hello: HandshakeResponse;
  /** A host has said hello: finds its state. */
  readonly enter: (request: HandshakeRequest, session: PluginSession) => HostState;
  /** Monotonic ms. */
  readonly clock: () => number;
  /** Says something to the operator. */
  readonly log: (message: string) => void;
}

type KnownFrame = Exclude<SessionRequest["frame"], { readonly case: undefined }>;

/** Plugin side of one Session stream. */
export class PluginSession implements Caller {
  isOpen = true;
  readonly #options: PluginSessionOptions;
  readonly #decoder = createFrameDecoder((message) => this.#message(message));
  readonly #answers = createAnswerBatch();
  #host: HostState | undefined;
  #isFlushing = false;
  #isDraining = false;
  #unanswered = 0;

  constructor(options: PluginSessionOptions) {
    this.#options = options;
  }

  /** Bytes came. */
  received(chunk: Buffer): void {
    if (!this.isOpen) return;
    try {
      this.#decoder.push(chunk);
    } catch (error) {
      if (!(error instanceof OutriderError)) throw error;
      this.#options.log(`session ended: ${error.message}`);
      this.end("invalid_argument", error.message);
    }
  }

  /** The stream is gone; nothing is sent any more. */
  closed(): void {
    this.isOpen = false;
  }

  /** Ends the stream. */
  end(code: string, message: string): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.#options.outlet.end(code, message);
  }

  #message(message: Buffer): void {
    if (!this.isOpen) return;
    const incoming = decodeRequest(message);
    if (incoming.kind === "batch") this.#batch(incoming);
    else if (incoming.frame.case !== undefined) this.#frame(incoming.frame);
  }

  #frame(frame: KnownFrame): void {
    switch (frame.case) {
      case "hello":
        this.#host = this.#options.enter(frame.value, this);
        this.#send({ case: "hello", value: this.#options.hello });
        return;
      case "configure":
        this.#configure(frame.value);
        return;
      case "state":
        this.#state(frame.value);
        return;
      case "feedback":
        this.#feedback(frame.value);
        return;
      case "drain":
        this.#isDraining = true;
        this.#drainIfIdle();
        return;
      case "ping":
        this.#send({ case: "pong", value: { seq: frame.value.seq } });
        return;
      // A batch comes as bytes; nothing runs so long that cancelling it would pay; instances keep no counts to repair.
      case "score":
      case "cancel":
      case "inflight":
        return;
    }
  }

  #expectHost(): HostState {
    if (this.#host !== undefined) return this.#host;
    throw new OutriderError("PROTOCOL_VIOLATION", "the first frame is to be hello");
  }

  #configure(request: Extract<KnownFrame, { readonly case: "configure" }>["value"]): void {
    const host = this.#expectHost();
    const errors = host.configure(request);
    this.#send({ case: "configured", value: { errors: [...errors] } });
    if (errors.length > 0) return;
    const maxOutstanding = Array.from(host.instances.values()).reduce(
      (sum, { maxConcurrency }) => sum + maxConcurrency,
      0,
    );
    this.#send({ case: "credit", value: { maxOutstanding } });
    this.#send({ case: "health", value: { ready: true, message: "" } });
  }

  #state(chunk: Extract<KnownFrame, { readonly case: "state" }>["value"]): void {
    const host = this.#expectHost();
    const outcome = host.table.apply(chunk);
    if (outcome.kind === "pending") return;
    if (outcome.kind === "applied" && hasChange(outcome.change)) {
      for (const instance of host.instances.values()) instance.endpointsChanged(outcome.change);
    }
    this.#send({ case: "stateAck", value: outcome.response });
  }

  #feedback({ events }: Extract<KnownFrame, { readonly case: "feedback" }>["value"]): void {
    const { instances } = this.#expectHost();
    for (const wire of events) {
      const event = fromWireEvent(wire);
      if (event !== undefined) instances.get(wire.instance)?.feedback(event);
    }
  }

  #batch({ message, from, to }: BatchBytes): void {
    const host = this.#expectHost();
    const cameAtMs = this.#options.clock();
    const { calls, inflight } = decodeScoreBatch(message, from, to);
    host.inflight.apply(inflight, host.table.version.live);
    for (const call of calls) this.#call(host, call, cameAtMs);
    this.#flush();
  }

  #call({ table, instances }: HostState, call: DecodedCall, cameAtMs: number): void {
    this.#unanswered += 1;
    const { epoch, rev } = table.version;
    if (call.epoch !== epoch || call.rev > rev) {
      const message = `state ${call.epoch}:${call.rev} is not here`;
      this.#refuse(call, { code: "failed_precondition", message, haveEpoch: epoch, haveRev: rev });
      return;
    }
    const instance = instances.get(call.instance);
    if (instance === undefined) {
      this.#refuse(call, { code: "invalid_argument", message: `no instance ${call.instance}` });
      return;
    }
    instance.put({ call, cameAtMs, caller: this });
  }

  #refuse(
    { callId, epoch, rev }: DecodedCall,
    error: Extract<Answer["result"], { readonly kind: "error" }>["error"],
  ): void {
    this.reply({ callId, epoch, rev, pluginUs: 0, result: { kind: "error", error } });
  }

  /** Takes the answer to a call; those of one turn travel in one frame. */
  reply(answer: Answer): void {
    this.#unanswered -= 1;
    this.#answers.add(answer);
    if (this.#answers.isFull) this.#flush();
    else if (!this.#isFlushing) {
      this.#isFlushing = true;
      queueMicrotask(() => {
        this.#isFlushing = false;
        this.#flush();
      });
    }
  }

  #flush(): void {
    if (this.#answers.size > 0 && this.isOpen) this.#options.outlet.write(this.#answers.take());
    this.#drainIfIdle();
  }

  #drainIfIdle(): void {
    if (!this.#isDraining || this.#unanswered > 0) return;
    this.#isDraining = false;
    this.#send({ case: "drained", value: { handoff: new Uint8Array(0) } });
  }

  #send(frame: ResponseFrame): void {
    if (this.isOpen) this.#options.outlet.write(encodeResponse(frame));
  }
}

function hasChange({
  removedSlots,
  upserted,
}: {
  readonly removedSlots: readonly number[];
  readonly upserted: readonly unknown[];
}): boolean {
  return removedSlots.length > 0 || upserted.length > 0;
}
