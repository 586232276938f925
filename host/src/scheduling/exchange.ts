import type { DecisionRecord, DoneCause, FeedbackEvent, Lease, Leases, TokenUsage, UsageReader } from "@outrider/core";
import type { EventNeeds } from "./event-needs.ts";
import type { SchedulingMetrics, ServedRelation } from "./metrics.ts";
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

/** What an exchange is made of. */
export interface ExchangeParts {
  readonly door: Door;
  readonly record: DecisionRecord;
  readonly destinations: readonly string[];
  /** Slots of the destinations. */
  readonly slots: readonly number[];
  readonly listeners: readonly Listener[];
  readonly leases: Pick<Leases, "open">;
  /** Address of the endpoint that has a slot now. */
  readonly addressAt: (slot: number) => string | undefined;
  /** Tokens that the request adds to its endpoint's in-flight counts. */
  readonly tokens: { readonly prompt: number; readonly output: number };
  readonly observation: Observation;
  readonly rewrite: ModelRewrite | undefined;
  readonly scores: Routed["scores"];
  /** Reads usage out of the response; `undefined` where nobody needs it. */
  readonly usage: UsageReader | undefined;
  /** What of responses plugins asked for. */
  readonly events: EventNeeds;
  readonly metrics: SchedulingMetrics;
  readonly nowMs: () => number;
}

/** A request on its way: what its door sees of the response becomes the end of its lease, feedback and metrics, once. */
export function createExchange(parts: ExchangeParts): Routed {
  const exchange = new LeasedExchange(parts);
  exchange.open();
  return exchange;
}

const noSetHeaders: Routed["setHeaders"] = [];
const noNames: readonly string[] = [];
const noUsage: TokenUsage = { promptTokens: 0, cachedTokens: 0, outputTokens: 0 };

class LeasedExchange implements Routed {
  readonly kind = "routed";
  readonly decisionId: string;
  readonly destinations: readonly string[];
  readonly setHeaders = noSetHeaders;
  readonly removeHeaders = noNames;
  readonly setResponseHeaders = noSetHeaders;
  readonly observation: Observation;
  readonly scores: Routed["scores"];
  rewrite: ModelRewrite | undefined;
  record: DecisionRecord | undefined;
  readonly #door: Door;
  readonly #slots: readonly number[];
  readonly #leases: Pick<Leases, "open">;
  readonly #tokens: ExchangeParts["tokens"];
  readonly #addressAt: ExchangeParts["addressAt"];
  #slot: number;
  /** When the decision began, and when the request was sent, Unix ms. */
  readonly #startedAtMs: number;
  readonly #sentAtMs: number;
  readonly #listeners: readonly Listener[];
  readonly #events: EventNeeds;
  readonly #usage: UsageReader | undefined;
  readonly #metrics: SchedulingMetrics;
  readonly #nowMs: () => number;
  #lease: Lease | undefined;
  #state: "open" | "let go" | "ended" = "open";
  #status = 0;
  #chunks = 0;
  #firstAtMs = 0;
  #progressAtMs: number;
  #reported: ReportedResponse | undefined;

  constructor(parts: ExchangeParts) {
    const { record } = parts;
    this.decisionId = record.decisionId;
    this.destinations = parts.destinations;
    this.observation = parts.observation;
    this.scores = parts.scores;
    this.rewrite = parts.rewrite;
    this.record = record;
    this.#door = parts.door;
    this.#slots = parts.slots;
    this.#slot = parts.slots[0] ?? 0;
    this.#leases = parts.leases;
    this.#tokens = parts.tokens;
    this.#addressAt = parts.addressAt;
    this.#startedAtMs = record.atMs;
    this.#sentAtMs = this.#progressAtMs = parts.nowMs();
    this.#listeners = parts.listeners;
    this.#events = parts.events;
    this.#usage = parts.usage;
    this.#metrics = parts.metrics;
    this.#nowMs = parts.nowMs;
  }

  /** Counts the request in flight. */
  open(): void {
    const { prompt, output } = this.#tokens;
    this.#lease = this.#leases.open(this.#slot, prompt, output, this.#sentAtMs, () => this.#expire());
  }

  responseHeaders(status: number, header: (name: string) => string | undefined, served: string | undefined): void {
    if (this.#state !== "open") return;
    this.#status = status;
    this.rewrite?.releaseBody();
    this.#noteServed(served);
    if (this.#listeners.length === 0) return;
    const ttfbUs = Math.round((this.#nowMs() - this.#sentAtMs) * 1000);
    this.#tell({ kind: "headers", status, ttfbUs, headers: pickHeaders(this.#events.headers, header) });
  }

  responseChunk(chunk: Uint8Array): void {
    if (this.#state !== "open" || chunk.length === 0) return;
    if (this.#chunks++ === 0) {
      this.#firstAtMs = this.#nowMs();
      this.#lease?.firstToken();
    }
    this.#usage?.read(chunk);
    if (this.#events.progress) this.#tellProgress();
  }

  report(response: ReportedResponse): void {
    if (this.#state !== "open") return;
    this.#reported = response;
    this.#status = response.status;
    this.#noteServed(response.served);
  }

  reports(): ReturnType<Routed["reports"]> {
    return [];
  }

  end(cause: DoneCause): void {
    if (this.#state !== "open") return;
    this.#state = "ended";
    this.#lease?.end();
    this.#metrics.request(this.#door, this.#status);
    this.#tellDone(cause);
  }

  letGo(): void {
    if (this.#state !== "open") return;
    this.#state = "let go";
    this.#metrics.request(this.#door, this.#status === 0 ? "unknown" : this.#status);
    this.rewrite = undefined;
    this.record = undefined;
    this.#lease?.letGo();
  }

  /** The lease ended by itself. */
  #expire(): void {
    if (this.#state === "open") this.end("unknown");
    if (this.#state !== "let go") return;
    this.#state = "ended";
    this.#tellDone("unknown");
  }

  #noteServed(served: string | undefined): void {
    if (served === undefined || served === "") return;
    const position = this.destinations.indexOf(served);
    this.#metrics.served(relationOf(position));
    const slot = this.#slots[position];
    if (slot !== undefined && slot !== this.#slot && this.#addressAt(slot) === served) this.#moveTo(slot);
  }

  /** Another endpoint than the first has the request: it counts there. */
  #moveTo(slot: number): void {
    this.#lease?.end();
    this.#slot = slot;
    this.open();
  }

  #tellProgress(): void {
    const nowMs = this.#nowMs();
    if (nowMs - this.#progressAtMs < progressIntervalMs) return;
    this.#progressAtMs = nowMs;
    const outputTokens = this.#usage?.usage.outputTokens ?? 0;
    this.#tell({ kind: "progress", chunks: this.#chunks, outputTokens, elapsedMs: nowMs - this.#sentAtMs });
  }

  #tellDone(cause: DoneCause): void {
    if (this.#listeners.length === 0) return;
    const { promptTokens, cachedTokens, outputTokens } = this.#reported?.usage ?? this.#usage?.usage ?? noUsage;
    const seenTtftMs = this.#firstAtMs === 0 ? 0 : this.#firstAtMs - this.#startedAtMs;
    const ttftUs = Math.round((this.#reported?.ttftMs ?? seenTtftMs) * 1000);
    const e2eMs = this.#reported?.e2eMs || this.#nowMs() - this.#startedAtMs;
    const counts = { promptTokens, cachedTokens, outputTokens };
    const status = this.#status;
    this.#tell({ kind: "done", cause: judge(cause, status), status, ...counts, ttftUs, e2eMs });
  }

  #tell(event: EventBody): void {
    const atMs = this.#nowMs();
    for (const { callId, feedback } of this.#listeners) feedback({ callId, slot: this.#slot, atMs, ...event });
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
