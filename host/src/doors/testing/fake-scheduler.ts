import type { DoneCause } from "@outrider/core";
import type { IncomingRequest, Refusal, ReportedResponse, Routed, Scheduler } from "../../scheduling/types.ts";

/** What a door told the scheduler of one request, in order. */
export interface SeenExchange {
  readonly request: IncomingRequest;
  /** The body as the scheduler was given it, copied. */
  readonly body: string | undefined;
  /** Whether it was decided to send it nowhere. */
  readonly isRefused: boolean;
  readonly responses: { status: number; contentType: string | undefined; served: string | undefined }[];
  readonly chunks: string[];
  readonly reports: ReportedResponse[];
  readonly causes: (DoneCause | "let_go")[];
}

/** A scheduler that decides what it is told to and keeps what its doors say. */
export interface FakeScheduler extends Scheduler {
  readonly seen: readonly SeenExchange[];
  /** The next decisions; the last one stays. */
  answer(...decisions: readonly Decision[]): void;
  /** Holds decisions back until the returned function is called. */
  hold(): () => void;
}

/** What is decided: destinations, or a refusal. */
export type Decision =
  | Refusal
  | ({ readonly destinations: readonly string[] } & Partial<
      Pick<
        Routed,
        "setHeaders" | "removeHeaders" | "setResponseHeaders" | "observation" | "rewrite" | "scores" | "reports"
      >
    >);

/** Sends everything to 10.0.0.1:8000 until told otherwise. */
export function createFakeScheduler(): FakeScheduler {
  const seen: SeenExchange[] = [];
  let decisions: readonly Decision[] = [{ destinations: ["10.0.0.1:8000"] }];
  let held: Promise<void> | undefined;
  return {
    seen,
    answer: (...next) => {
      decisions = next;
    },
    hold() {
      let release = () => {};
      held = new Promise((resolve) => {
        release = () => {
          held = undefined;
          resolve();
        };
      });
      return release;
    },
    decide(request) {
      const body = request.body === undefined ? undefined : Buffer.concat(request.body).toString();
      const [decision, ...later] = decisions;
      if (later.length > 0) decisions = later;
      const isRefused = decision !== undefined && "kind" in decision;
      const exchange: SeenExchange = { request, body, isRefused, responses: [], chunks: [], reports: [], causes: [] };
      seen.push(exchange);
      const result = toResult(decision as Decision, exchange);
      return held === undefined ? result : held.then(() => result);
    },
  };
}

function toResult(decision: Decision, exchange: SeenExchange): Routed | Refusal {
  if ("kind" in decision) return decision;
  return {
    kind: "routed",
    decisionId: "decision",
    destinations: decision.destinations,
    setHeaders: decision.setHeaders ?? [],
    removeHeaders: decision.removeHeaders ?? [],
    setResponseHeaders: decision.setResponseHeaders ?? [],
    observation: decision.observation ?? "full",
    rewrite: decision.rewrite,
    scores: decision.scores ?? [],
    responseHeaders(status, header, served) {
      exchange.responses.push({ status, contentType: header("content-type"), served });
    },
    responseChunk(chunk) {
      exchange.chunks.push(Buffer.from(chunk).toString());
    },
    report(response) {
      exchange.reports.push(response);
    },
    reports: decision.reports ?? (() => []),
    end(cause) {
      exchange.causes.push(cause);
    },
    letGo() {
      exchange.causes.push("let_go");
    },
  };
}
