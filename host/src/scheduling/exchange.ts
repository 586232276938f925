import type { DecisionRecord, DoneCause, FeedbackEvent, Lease, UsageReader } from "@outrider/core";
import type { EventNeeds } from "./event-needs.ts";
import type { SchedulingMetrics } from "./metrics.ts";
import type { Door, ReportedResponse, Routed } from "./types.ts";

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
  readonly listeners: readonly Listener[];
  readonly lease: Lease;
  /** Reads usage out of the response; `undefined` where nobody needs it. */
  readonly usage: UsageReader | undefined;
  /** What of responses plugins asked for. */
  readonly events: EventNeeds;
  readonly metrics: SchedulingMetrics;
  readonly nowMs: () => number;
}

/** A request on its way: what its door sees of the response becomes the end of its lease, feedback and metrics, once. */
export function createExchange(parts: ExchangeParts): Routed {
  const { record, listeners, lease, usage, metrics, nowMs } = parts;
  const slot = record.destination[0] ?? 0;
  const sentAtMs = nowMs();
  let status = 0;
  let chunks = 0;
  let firstAtMs = 0;
  let progressAtMs = sentAtMs;
  let ended = false;
  let reported: ReportedResponse | undefined;

  const tell = (event: EventBody) => {
    const atMs = nowMs();
    for (const { callId, feedback } of listeners) feedback({ callId, slot, atMs, ...event });
  };
  const checkServed = (served: string | undefined) => {
    if (served !== undefined && served !== "" && !parts.destinations.includes(served)) metrics.servedElsewhere();
  };
  const exchange: Routed = {
    kind: "routed",
    decisionId: record.decisionId,
    destinations: parts.destinations,
    setHeaders: [],
    observation: "full",
    rewrite: undefined,
    scores: [],
    record,
    responseHeaders(received, header, served) {
      if (ended) return;
      status = received;
      checkServed(served);
      if (listeners.length > 0) {
        tell({
          kind: "headers",
          status,
          ttfbUs: Math.round((nowMs() - sentAtMs) * 1000),
          headers: pickHeaders(parts.events.headers, header),
        });
      }
    },
    responseChunk(chunk) {
      if (ended || chunk.length === 0) return;
      if (chunks++ === 0) {
        firstAtMs = nowMs();
        lease.firstToken();
      }
      usage?.read(chunk);
      if (!parts.events.progress || nowMs() - progressAtMs < progressIntervalMs) return;
      progressAtMs = nowMs();
      tell({
        kind: "progress",
        chunks,
        outputTokens: usage?.usage.outputTokens ?? 0,
        elapsedMs: progressAtMs - sentAtMs,
      });
    },
    report(response) {
      if (ended) return;
      reported = response;
      status = response.status;
      checkServed(response.served);
    },
    end(cause) {
      if (ended) return;
      ended = true;
      lease.end();
      metrics.request(parts.door, status);
      if (listeners.length === 0) return;
      const { promptTokens = 0, cachedTokens = 0, outputTokens = 0 } = reported?.usage ?? usage?.usage ?? {};
      const ttftMs = reported?.ttftMs ?? (firstAtMs === 0 ? 0 : firstAtMs - record.atMs);
      const ttftUs = Math.round(ttftMs * 1000);
      const e2eMs = reported?.e2eMs || nowMs() - record.atMs;
      const counts = { promptTokens, cachedTokens, outputTokens };
      tell({ kind: "done", cause: judge(cause, status), status, ...counts, ttftUs, e2eMs });
    },
    letGo: () => exchange.end("unknown"),
  };
  return exchange;
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
