import type {
  AnswerReader,
  DoneCause,
  DoneEvent,
  EndpointInfo,
  FeedbackEvent,
  Leases,
  Screener,
  TokenUsage,
  UsageReader,
} from "@outrider/core";
import type { ResponseReporter } from "../policies/policy-type.ts";
import type { EventNeeds } from "./event-needs.ts";
import type { SchedulingMetrics, ServedRelation } from "./metrics.ts";
import type { PredictionWatch } from "./prediction-watch.ts";
import { RequestLeases, type RequestLoad } from "./request-leases.ts";
import type { ResponseWatch } from "./response-watch.ts";
import type { ResponseToken } from "./session-picks.ts";
import type { Door, ModelRewrite, Observation, ReportedResponse, Routed } from "./types.ts";

/** Shortest time between two progress events of a request, in ms. */
const progressIntervalMs = 50;

/** One plugin's ear: where the events of its call go. */
export interface Listener {
  readonly name: string;
  readonly callId: number;
  readonly ownScore: number;
  /** Whether the pick was made without this plugin's answer. */
  readonly fallback: boolean;
  readonly feedback: (event: FeedbackEvent) => void;
}

/** What is told the gateway of a request that goes to an endpoint. */
export type RouteParts = Pick<
  Routed,
  "decisionId" | "destinations" | "setHeaders" | "removeHeaders" | "observation" | "rewrite" | "scores"
>;

/** What an exchange is made of. */
export interface ExchangeParts extends RouteParts {
  readonly door: Door;
  /** When the decision began, Unix ms. */
  readonly startedAtMs: number;
  /** Slots of the destinations, and the addresses that these endpoints had when it was decided. */
  readonly slots: readonly number[];
  readonly homes: readonly string[];
  readonly load: RequestLoad;
  readonly leases: Pick<Leases, "open">;
  /** Endpoint that has a slot now. */
  readonly endpointAt: (slot: number) => EndpointInfo | undefined;
  /** Tokens of sessions to set on it, told by who sends it. */
  readonly tokens: readonly ResponseToken[];
  /** Those who have headers for it, told by the endpoint that sends it. */
  readonly screeners: readonly Screener[];
  readonly listeners: readonly Listener[];
  /** What of responses plugins asked for. */
  readonly events: EventNeeds;
  /** Reads usage out of the response; `undefined` where nobody needs it. */
  readonly usage: UsageReader | undefined;
  /** Hashes the answer that `usage` shows it; `undefined` where nobody needs it, or no next prompt holds it. */
  readonly answer: AnswerReader | undefined;
  readonly reporters: readonly ResponseReporter[];
  /** Tells an observer of the response; `undefined` where there is none. */
  readonly watch: ResponseWatch | undefined;
  /** Compares what was predicted with the response; `undefined` where nothing was. */
  readonly predictions: PredictionWatch | undefined;
  readonly metrics: SchedulingMetrics;
  /** Hears how long a request took that ended well. */
  readonly onOk: (e2eMs: number) => void;
  readonly nowMs: () => number;
}

/** A request on its way: what its door sees of the response becomes the end of its leases, feedback and metrics, once. */
export function createExchange(parts: ExchangeParts): Routed {
  return new LeasedExchange(parts);
}

const noUsage: TokenUsage = { promptTokens: 0, cachedTokens: 0, outputTokens: 0 };
const noHeaders: Routed["setResponseHeaders"] = [];
const noReports: ReturnType<Routed["reports"]> = [];

class LeasedExchange implements Routed {
  readonly kind = "routed";
  readonly decisionId: string;
  readonly destinations: readonly string[];
  readonly setHeaders: Routed["setHeaders"];
  readonly removeHeaders: readonly string[];
  readonly observation: Observation;
  readonly scores: Routed["scores"];
  rewrite: ModelRewrite | undefined;
  readonly #parts: ExchangeParts;
  readonly #leases: RequestLeases;
  #slot: number;
  readonly #sentAtMs: number;
  #state: "open" | "let go" | "ended" = "open";
  #status = 0;
  #chunks = 0;
  #firstAtMs = 0;
  #progressAtMs: number;
  #reported: ReportedResponse | undefined;

  constructor(parts: ExchangeParts) {
    this.decisionId = parts.decisionId;
    this.destinations = parts.destinations;
    this.setHeaders = parts.setHeaders;
    this.removeHeaders = parts.removeHeaders;
    this.observation = parts.observation;
    this.scores = parts.scores;
    this.rewrite = parts.rewrite;
    this.#parts = parts;
    this.#slot = parts.load.slot;
    this.#sentAtMs = this.#progressAtMs = parts.nowMs();
    this.#leases = new RequestLeases(parts.leases, parts.load, this.#sentAtMs, () => this.#expire());
  }

  get setResponseHeaders(): Routed["setResponseHeaders"] {
    const { tokens } = this.#parts;
    const headers = this.#screenedHeaders();
    if (tokens.length === 0) return headers;
    return [...headers, ...tokens.map(({ header, tokenOf }) => [header, tokenOf(this.#slot)] as const)];
  }

  #screenedHeaders(): Routed["setResponseHeaders"] {
    const { screeners, endpointAt } = this.#parts;
    const endpoint = screeners.length === 0 ? undefined : endpointAt(this.#slot);
    return endpoint === undefined ? noHeaders : screeners.flatMap((screener) => screener.headersOf?.(endpoint) ?? []);
  }

  responseHeaders(status: number, header: (name: string) => string | undefined, served: string | undefined): void {
    if (this.#state !== "open") return;
    const { events, listeners, nowMs, watch } = this.#parts;
    watch?.begin();
    this.#status = status;
    this.rewrite?.releaseBody();
    this.#noteServed(served);
    if (listeners.length > 0) {
      const ttfbUs = Math.round((nowMs() - this.#sentAtMs) * 1000);
      this.#tell({ kind: "headers", status, ttfbUs, headers: pickHeaders(events.headers, header) });
    }
    watch?.headers(header);
  }

  responseChunk(chunk: Uint8Array): void {
    if (this.#state !== "open" || chunk.length === 0) return;
    const { events, nowMs, usage, watch } = this.#parts;
    watch?.begin();
    if (this.#chunks++ === 0) {
      this.#firstAtMs = nowMs();
      this.#leases.firstToken();
    }
    usage?.read(chunk);
    if (events.progress) this.#tellProgress();
    watch?.chunk(chunk.length);
  }

  report(response: ReportedResponse): void {
    if (this.#state !== "open") return;
    this.#reported = response;
    this.#status = response.status;
    this.#noteServed(response.served);
  }

  reports(): ReturnType<Routed["reports"]> {
    const { reporters } = this.#parts;
    if (this.#state !== "open" || reporters.length === 0) return noReports;
    const usage = this.#readUsage();
    return reporters.flatMap((reporter) => reporter.report(usage));
  }

  end(cause: DoneCause): void {
    if (this.#state !== "open") return;
    this.#state = "ended";
    this.#leases.end();
    this.#parts.metrics.request(this.#parts.door, this.#status);
    this.#tellDone(cause);
  }

  letGo(): void {
    if (this.#state !== "open") return;
    this.#state = "let go";
    this.#parts.metrics.request(this.#parts.door, this.#status === 0 ? "unknown" : this.#status);
    this.rewrite?.releaseBody();
    this.rewrite = undefined;
    this.#leases.letGo();
  }

  /** The lease at the destination ended by itself. */
  #expire(): void {
    if (this.#state === "open") this.end("unknown");
    if (this.#state !== "let go") return;
    this.#state = "ended";
    this.#tellDone("unknown");
  }

  #noteServed(served: string | undefined): void {
    if (served === undefined || served === "") return;
    const { slots, homes, endpointAt, metrics, predictions } = this.#parts;
    const position = this.destinations.indexOf(served);
    metrics.served(relationOf(position));
    if (position !== 0) predictions?.answeredElsewhere();
    const slot = slots[position];
    if (slot !== undefined && slot !== this.#slot && endpointAt(slot)?.address === homes[position]) this.#moveTo(slot);
  }

  #moveTo(slot: number): void {
    this.#slot = slot;
    this.#leases.moveTo(slot, this.#sentAtMs);
  }

  #readUsage(): TokenUsage {
    return this.#reported?.usage ?? this.#parts.usage?.usage ?? noUsage;
  }

  #tellProgress(): void {
    const nowMs = this.#parts.nowMs();
    if (nowMs - this.#progressAtMs < progressIntervalMs) return;
    this.#progressAtMs = nowMs;
    const { outputTokens } = this.#readUsage();
    this.#tell({ kind: "progress", chunks: this.#chunks, outputTokens, elapsedMs: nowMs - this.#sentAtMs });
  }

  #tellDone(cause: DoneCause): void {
    const { listeners, nowMs, onOk, predictions, startedAtMs, watch } = this.#parts;
    const judged = judge(cause, this.#status);
    const e2eMs = this.#reported?.e2eMs || nowMs() - startedAtMs;
    if (judged === "ok") onOk(e2eMs);
    if (watch === undefined && predictions === undefined && listeners.length === 0) return;
    const usage = this.#readUsage();
    const outputEvents = this.#parts.usage?.outputEvents ?? 0;
    watch?.done({ cause: judged, status: this.#status, usage, outputEvents }, this.#reported);
    const seenTtftMs = this.#firstAtMs === 0 ? 0 : this.#firstAtMs - startedAtMs;
    const ttftMs = this.#reported?.ttftMs ?? seenTtftMs;
    const ttftUs = Math.round(ttftMs * 1000);
    const { promptTokens, cachedTokens, outputTokens } = usage;
    predictions?.done({ cause: judged, status: this.#status, ttftMs, e2eMs, outputTokens });
    const counts = { promptTokens, cachedTokens, outputTokens, ttftUs, e2eMs };
    this.#tell({ kind: "done", cause: judged, status: this.#status, ...counts, ...this.#learnAnswer(judged) });
  }

  /** Hashes of the blocks of an answer that came whole. */
  #learnAnswer(cause: DoneCause): Pick<DoneEvent, "blockHashes"> {
    const { answer } = this.#parts;
    if (answer === undefined || cause !== "ok" || this.#status >= 400) return {};
    const blockHashes = answer.finish();
    return blockHashes.length > 0 ? { blockHashes } : {};
  }

  #tell(event: EventBody): void {
    const { listeners, nowMs } = this.#parts;
    const atMs = nowMs();
    for (const { callId, feedback } of listeners) feedback({ callId, slot: this.#slot, atMs, ...event });
  }
}

function relationOf(position: number): ServedRelation {
  if (position === 0) return "pick";
  return position > 0 ? "fallback" : "elsewhere";
}

function pickHeaders(names: readonly string[], header: (name: string) => string | undefined): Record<string, string> {
  return Object.fromEntries(names.flatMap((name) => [[name, header(name)]]).filter(([, value]) => value !== undefined));
}

/** A response that ended well on the wire is still the model server's failure where its status says so. */
function judge(cause: DoneCause, status: number): DoneCause {
  return cause === "ok" && status >= 500 ? "upstream_error" : cause;
}

type EventBody = FeedbackEvent extends infer Event
  ? Event extends unknown
    ? Omit<Event, "callId" | "slot" | "atMs">
    : never
  : never;
