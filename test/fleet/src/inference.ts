import type { IncomingMessage, ServerResponse } from "node:http";
import type { Engine, EngineEvent, RequestResult } from "@outrider/lab/engine";
import { renderAnswer, renderFault } from "./answers.ts";
import type { EngineClock } from "./engine-clock.ts";
import type { ServerFaults } from "./faults.ts";
import { type Generation, type Offer, startGeneration } from "./generation.ts";
import type { ServerMetrics } from "./metrics/server-metrics.ts";
import { type InferenceRequest, isFault, parseInferenceRequest, type RequestFault } from "./request-body.ts";
import { endWithTrailers, openStream, resetConnection, sendJson } from "./respond.ts";
import { toTransferAnswer } from "./stages/transfer.ts";

/** What the inference API of a server stands on. */
export interface InferenceParts {
  /** What computes the answers. */
  readonly engine: Engine;
  /** The engine's time. */
  readonly clock: EngineClock;
  /** Where first tokens and ends are counted. */
  readonly metrics: ServerMetrics;
  /** What is served. */
  readonly offer: Offer;
  /** `ip:port` of the server. */
  endpoint(): string;
  /** What is wrong with the server at the moment. */
  faults(): ServerFaults;
  /** Called when the engine has work it did not have before. */
  wake(): void;
}

/** Adapters in use, by where their requests stand. */
export interface AdaptersInUse {
  /** Of requests in the running batch. */
  readonly running: readonly string[];
  /** Of queued requests. */
  readonly waiting: readonly string[];
}

/** Counts of inference requests since the start. */
export interface InferenceCounts {
  /** All that came. */
  requests: number;
  /** Of these, refused or failed with a status of 400 or above. */
  failed: number;
}

const internalError: RequestFault = {
  message: "Internal server error",
  type: "InternalServerError",
  param: null,
  code: 500,
};

/** The inference API of one server: HTTP on one side, the engine on the other. */
export class Inference {
  /** Requests so far. */
  readonly counts: InferenceCounts = { requests: 0, failed: 0 };
  readonly #parts: InferenceParts;
  readonly #generations = new Map<number, Generation>();
  #streams = 0;
  #nextId = 0;
  #errorDebt = 0;

  constructor(parts: InferenceParts) {
    this.#parts = parts;
  }

  /** Answers a request whose body is complete, now or when the engine is done; a client that leaves ends it. */
  answer(api: InferenceRequest["api"], body: Buffer, message: IncomingMessage, response: ServerResponse): void {
    this.counts.requests += 1;
    const started = this.#start(api, body, message, response);
    if (isFault(started)) {
      this.counts.failed += 1;
      sendJson(response, started.code, renderFault(started));
    } else {
      this.#generations.set(started.id, started);
      response.once("close", () => this.#abort(started));
      if (started.stream !== undefined) this.#open(started);
      this.#parts.wake();
    }
  }

  /** Delivers what the engine has done by now. */
  advance(): void {
    for (const event of this.#parts.engine.step(this.#parts.clock.nowMs())) this.#deliver(event);
    if (this.#streams > 0) for (const generation of this.#generations.values()) flush(generation);
  }

  /** Real ms until the engine has something to deliver; `Infinity` while idle. */
  untilNextMs(): number {
    const { engine, clock } = this.#parts;
    return clock.untilMs(this.#streams > 0 ? engine.nextTokenAtMs() : engine.nextStepAtMs());
  }

  /** Adapters in use at the moment. */
  adaptersInUse(): AdaptersInUse {
    const running = new Set<string>();
    const waiting = new Set<string>();
    for (const { id, adapter } of this.#generations.values()) {
      if (adapter !== undefined) (this.#parts.engine.isRunning(id) ? running : waiting).add(adapter);
    }
    return { running: [...running], waiting: [...waiting] };
  }

  #start(api: InferenceRequest["api"], body: Buffer, message: IncomingMessage, response: ServerResponse) {
    if (this.#isToFail()) return internalError;
    const request = parseInferenceRequest(api, body);
    if (isFault(request)) return request;
    const { engine, offer, clock } = this.#parts;
    return startGeneration(engine, offer, request, this.#nextId++, clock.nowMs(), message, response);
  }

  /** Spreads failures evenly, so that any run of requests has its share. */
  #isToFail(): boolean {
    this.#errorDebt += this.#parts.faults().errorShare ?? 0;
    if (this.#errorDebt < 1) return false;
    this.#errorDebt -= 1;
    return true;
  }

  #open(generation: Generation): void {
    this.#streams += 1;
    if (this.#parts.faults().resetAfterTokens === 0) this.#reset(generation);
    else openStream(generation.response, this.#parts.faults());
  }

  #deliver(event: EngineEvent): void {
    const generation = this.#generations.get(event.id);
    if (generation === undefined) return;
    if (event.kind === "first_token") {
      const ttftMs = event.atMs - generation.submittedMs;
      this.#parts.metrics.countFirstToken(ttftMs, generation.context.promptTokens, event.cachedTokens);
      this.#tell(generation, 1);
    } else if (event.kind === "tokens") this.#tell(generation, event.count);
    else if (event.kind === "done") this.#finish(generation, event.result);
  }

  #tell(generation: Generation, count: number): void {
    const { stream, context, told } = generation;
    if (stream === undefined) return;
    const limit = this.#parts.faults().resetAfterTokens ?? Number.POSITIVE_INFINITY;
    const until = Math.min(told + count, limit);
    if (told === 0) generation.pending += stream.opening;
    for (let i = told; i < until; i++) generation.pending += stream.token(context.answer(i, i + 1));
    generation.told = Math.max(told, until);
    if (until >= limit) this.#reset(generation);
  }

  #finish(generation: Generation, result: RequestResult): void {
    const { request, context, outputTokens, head, stream, response, pending } = generation;
    const ending = request.maxTokens === undefined ? "stop" : "length";
    const usage = { promptTokens: context.promptTokens, outputTokens, cachedTokens: result.cachedTokens };
    this.#parts.metrics.countDone(result, ending);
    this.#forget(generation);
    const text =
      stream === undefined
        ? renderAnswer(head, context.answer(0, outputTokens), ending, usage, this.#toTransfer(generation))
        : pending + stream.closing(ending, request.includeUsage ? usage : undefined);
    if (this.#parts.faults().trailers === true) endWithTrailers(response, text, outputTokens);
    else if (stream === undefined) sendJson(response, 200, text);
    else response.end(text);
  }

  #toTransfer({ request, context }: Generation): object {
    const { engine, endpoint } = this.#parts;
    return toTransferAnswer(request.transfer, endpoint(), Math.ceil(context.promptTokens / engine.blockSizeTokens));
  }

  #reset(generation: Generation): void {
    flush(generation);
    this.#abort(generation);
    resetConnection(generation.response);
  }

  #abort(generation: Generation): void {
    if (!this.#forget(generation)) return;
    const { engine, clock, wake } = this.#parts;
    engine.abort(generation.id, clock.nowMs());
    wake();
  }

  #forget(generation: Generation): boolean {
    if (!this.#generations.delete(generation.id)) return false;
    if (generation.stream !== undefined) this.#streams -= 1;
    return true;
  }
}

function flush(generation: Generation): void {
  if (generation.pending === "") return;
  generation.response.write(generation.pending);
  generation.pending = "";
}
