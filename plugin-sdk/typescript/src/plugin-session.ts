import { OutriderError } from "@outrider/core/contract";
import type {
  ConfigureRequest,
  HandshakeRequest,
  HandshakeResponse,
  PushStateRequest,
  SessionRequest,
} from "@outrider/protos/scorer";
import {
  type Answer,
  type BatchBytes,
  createAnswerBatch,
  createFrameDecoder,
  decodeRequest,
  decodeScoreBatch,
  encodeResponse,
  fromWireEvent,
  type ResponseFrame,
} from "@outrider/transport";
import type { HostState } from "./host-state.ts";
import type { PluginHealth } from "./plugin-health.ts";
import { putCall } from "./put-call.ts";
import { createScoreTables, type ScoreTables } from "./score-tables.ts";
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
  /** What the host is told of the plugin's health. */
  readonly health: PluginHealth;
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
  #tables: ScoreTables | undefined;
  #unwatchHealth: (() => void) | undefined;
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
    this.#tables?.close();
    this.#unwatchHealth?.();
  }

  /** Ends the stream. */
  end(code: string, message: string): void {
    if (!this.isOpen) return;
    this.closed();
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
        this.#hello(frame.value);
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
      case "cancel":
        this.#cancel(new Set(frame.value.callIds));
        return;
      case "drain":
        this.#isDraining = true;
        this.#tables?.close();
        this.#drainIfIdle();
        return;
      case "ping":
        this.#send({ case: "pong", value: { seq: frame.value.seq } });
        return;
      // A batch comes as bytes; instances keep no counts to repair.
      case "score":
      case "inflight":
        return;
    }
  }

  #expectHost(): HostState {
    if (this.#host !== undefined) return this.#host;
    throw new OutriderError("PROTOCOL_VIOLATION", "the first frame is to be hello");
  }

  /** A further one brings what the generation before has handed over. */
  #hello(request: HandshakeRequest): void {
    this.#host ??= this.#options.enter(request, this);
    if (request.handoff.length > 0) this.#restore(this.#host, request.handoff);
    this.#send({ case: "hello", value: this.#options.hello });
  }

  /** What cannot be read is a loss, and no reason to serve nobody. */
  #restore(host: HostState, handoff: Uint8Array): void {
    try {
      host.restore(handoff);
    } catch (error) {
      if (!(error instanceof OutriderError)) throw error;
      this.#options.log(error.message);
    }
  }

  #configure(request: ConfigureRequest): void {
    const host = this.#expectHost();
    const errors = host.configure(request);
    this.#send({ case: "configured", value: { errors: [...errors] } });
    if (errors.length > 0) return;
    const maxOutstanding = Array.from(host.instances.values()).reduce(
      (sum, { maxConcurrency }) => sum + maxConcurrency,
      0,
    );
    this.#send({ case: "credit", value: { maxOutstanding } });
    this.#unwatchHealth ??= this.#options.health.watch(() => this.#sendHealth());
    this.#sendHealth();
    this.#tables ??= createScoreTables(host, (value) => this.#send({ case: "table", value }));
    this.#tables.refresh();
  }

  #sendHealth(): void {
    const { isReady, message } = this.#options.health;
    this.#send({ case: "health", value: { ready: isReady, message } });
  }

  #state(chunk: PushStateRequest): void {
    const outcome = this.#expectHost().applyState(chunk);
    if (outcome.kind === "pending") return;
    this.#send({ case: "stateAck", value: outcome.response });
    if (outcome.kind === "applied") this.#tables?.refresh();
  }

  #cancel(callIds: ReadonlySet<number>): void {
    for (const instance of this.#expectHost().instances.values()) instance.cancel(this, callIds);
    this.#flush();
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
    host.inflight.apply(inflight, host.version.live);
    this.#unanswered += calls.length;
    for (const call of calls) putCall(host, { call, cameAtMs, caller: this });
    this.#flush();
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
    this.#send({ case: "drained", value: { handoff: this.#host?.handoff() ?? new Uint8Array(0) } });
  }

  #send(frame: ResponseFrame): void {
    if (this.isOpen) this.#options.outlet.write(encodeResponse(frame));
  }
}
