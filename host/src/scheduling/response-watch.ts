import type { HostFacts } from "@outrider/core";
import type { ObservedRequest, ObservedResponse, RequestObserver } from "./observer.ts";
import type { IncomingRequest, ReportedResponse } from "./types.ts";

/** Tenant of requests that name none and whose agent is not known, as the reference EPP has it. */
const defaultFairnessId = "default-flow";

/** A request as observers see it. @param rewriteRule rule that chose its model; empty = none did. */
export function toObserved(
  { door, body }: Pick<IncomingRequest, "door" | "body">,
  facts: HostFacts,
  rewriteRule: string,
): ObservedRequest {
  return {
    door,
    model: facts.clientModel,
    targetModel: facts.model,
    rewriteRule,
    fairnessId: facts.fairnessId || defaultFairnessId,
    priority: facts.priority,
    stream: facts.stream,
    bodyBytes: body?.reduce((sum, { length }) => sum + length, 0) ?? 0,
  };
}

/** As much of a request as is known where its facts could not be read. */
export function toUnread({ door }: Pick<IncomingRequest, "door">): ObservedRequest {
  const nothing = { model: "", targetModel: "", rewriteRule: "", priority: 0, stream: false, bodyBytes: 0 };
  return { door, fairnessId: defaultFairnessId, ...nothing };
}

/** What a response that is watched belongs to. */
export interface WatchedRequest {
  readonly observer: RequestObserver;
  readonly request: ObservedRequest;
  /** When the request was received, on the clock below. */
  readonly receivedMs: number;
  /** Monotonic ms with fractions. */
  readonly elapsedMs: () => number;
}

/** Tells an observer of one request on its way what is seen of the response. */
export class ResponseWatch {
  readonly #watched: WatchedRequest;
  #isStreamed: boolean;
  #chunks = 0;
  #bodyBytes = 0;
  #firstMs = 0;
  #lastMs = 0;
  #beganMs = 0;
  #processingMs = 0;

  constructor(watched: WatchedRequest) {
    const { observer, request, receivedMs, elapsedMs } = watched;
    this.#watched = watched;
    this.#isStreamed = request.stream;
    observer.sent(request, elapsedMs() - receivedMs);
  }

  /** Something of the response is here; {@link headers} or {@link chunk} follows when it is dealt with. */
  begin(): void {
    this.#beganMs = this.#watched.elapsedMs();
  }

  headers(header: (name: string) => string | undefined): void {
    this.#isStreamed ||= header("content-type")?.toLowerCase().includes("text/event-stream") === true;
    this.#addProcessing();
  }

  chunk(bytes: number): void {
    const { observer, request, receivedMs } = this.#watched;
    const nowMs = this.#beganMs;
    this.#bodyBytes += bytes;
    if (this.#chunks++ === 0) {
      this.#firstMs = nowMs;
      observer.firstChunk(request, nowMs - receivedMs, this.#isStreamed);
    } else {
      observer.chunk(request, nowMs - this.#lastMs, this.#isStreamed);
    }
    this.#lastMs = nowMs;
    this.#addProcessing();
  }

  done(seen: Pick<ObservedResponse, "cause" | "status" | "usage" | "outputEvents">, reported?: ReportedResponse): void {
    const { observer, request, receivedMs, elapsedMs } = this.#watched;
    const seenTtftMs = this.#chunks === 0 ? 0 : this.#firstMs - receivedMs;
    observer.done(request, {
      ...seen,
      isStreamed: this.#isStreamed,
      bodyBytes: this.#bodyBytes,
      chunks: this.#chunks,
      ttftMs: reported?.ttftMs || seenTtftMs,
      e2eMs: reported?.e2eMs || elapsedMs() - receivedMs,
      processingMs: this.#processingMs,
    });
  }

  #addProcessing(): void {
    this.#processingMs += this.#watched.elapsedMs() - this.#beganMs;
  }
}
