import {
  type CycleClock,
  createRequestFacts,
  createUsageReader,
  type DecisionRecord,
  type EndpointTable,
  type FactNeeds,
  type Leases,
  type Plan,
  type RequestFactsSource,
  runCycle,
} from "@outrider/core";
import { selectCandidates } from "./candidates.ts";
import type { DecisionRing } from "./decision-ring.ts";
import type { EventNeeds } from "./event-needs.ts";
import { createExchange } from "./exchange.ts";
import { type Ears, earsOf, listenersOf } from "./listeners.ts";
import type { SchedulingMetrics } from "./metrics.ts";
import { refuse } from "./refusals.ts";
import type { IncomingRequest, Refusal, Routed, Scheduler } from "./types.ts";

/** What a scheduler works with. */
export interface SchedulerParts {
  /** The plan in force, read once a decision. */
  readonly plan: () => Plan;
  readonly table: EndpointTable;
  readonly leases: Pick<Leases, "open">;
  readonly ring: Pick<DecisionRing, "add">;
  readonly metrics: SchedulingMetrics;
  readonly clock: CycleClock;
  /** What of a request some plugin may see; nothing else is computed. */
  readonly needs: FactNeeds;
  /** What of a response some plugin asked for. */
  readonly events: EventNeeds;
  /** Next 32 random bits. */
  readonly seed: () => number;
  /** Starts every decision's id: unique among the starts of the host. */
  readonly idPrefix: string;
  /** Whether the gateway's subset of endpoints counts. */
  readonly usesSubset: boolean;
}

/** Calls of one decision at most: instances × profiles; ids of calls stay unique over that many decisions ÷ 2³². */
const callsPerDecision = 256;

/** One request through facts, candidates, cycle, lease, feedback and record. */
export function createScheduler(parts: SchedulerParts): Scheduler {
  let decisions = 0;
  let heard: { readonly plan: Plan; readonly ears: Ears } | undefined;
  const earsFor = (plan: Plan): Ears => {
    if (heard?.plan !== plan) heard = { plan, ears: parts.events.any ? earsOf(plan) : new Map() };
    return heard.ears;
  };

  const decide = (request: IncomingRequest): Routed | Refusal | Promise<Routed | Refusal> => {
    const facts = createRequestFacts(toSource(request, parts.needs));
    const fault = facts.prepare();
    if (fault !== undefined) return refused(refuse("BadRequest", fault), "bad-request");
    const snapshot = parts.table.current;
    const candidates = selectCandidates(snapshot, parts.usesSubset ? request.subset : undefined);
    if (candidates.length === 0) {
      return refused(refuse("ServiceUnavailable", "no endpoint is available", "rejected-no-endpoints"), "no-endpoints");
    }
    const plan = parts.plan();
    const number = ++decisions;
    const record = runCycle({
      decisionId: `${parts.idPrefix}-${number.toString(36)}`,
      firstCallId: (number * callsPerDecision) >>> 0,
      plan,
      snapshot,
      candidates,
      facts,
      inflight: parts.table.inflight,
      seed: parts.seed(),
      clock: parts.clock,
      onLate: parts.metrics.lateAnswer,
    });
    return record instanceof Promise ? record.then((made) => conclude(made, plan)) : conclude(record, plan);

    function refused(refusal: Refusal, reason: string): Refusal {
      parts.metrics.refusal(reason);
      parts.metrics.request(request.door, refusal.status);
      return refusal;
    }

    function conclude(made: DecisionRecord, by: Plan): Routed | Refusal {
      facts.release();
      parts.ring.add(made);
      parts.metrics.decision(made);
      const listeners = listenersOf(made, earsFor(by));
      const nowMs = parts.clock.nowMs();
      const slot = made.destination[0];
      if (slot === undefined) {
        for (const { callId, feedback } of listeners) feedback(neverSent(callId, nowMs, made));
        const message = "failed to find target endpoint: no endpoint is left behind the filters";
        return refused(refuse("ResourceExhausted", message, "rejected-saturated"), "no-candidate");
      }
      const totals = made.profiles.at(-1);
      const totalScore = totals?.totals[totals.candidates.indexOf(slot)] ?? 0;
      const picks = made.profiles.flatMap(({ name, picked }) =>
        picked.slice(0, 1).map((peer) => ({ profile: name, slot: peer })),
      );
      for (const { callId, ownScore, fallback, feedback } of listeners) {
        const { promptTokens } = facts;
        feedback({ kind: "picked", callId, slot, atMs: nowMs, ownScore, totalScore, fallback, promptTokens, picks });
      }
      return createExchange({
        door: request.door,
        record: made,
        destinations: made.destination.map((each) => made.snapshot.at(each)?.address ?? ""),
        listeners,
        lease: parts.leases.open(slot, facts.promptTokens, facts.maxOutputTokens, nowMs),
        usage: listeners.length > 0 && parts.events.usage ? createUsageReader() : undefined,
        events: parts.events,
        metrics: parts.metrics,
        nowMs: parts.clock.nowMs,
      });
    }
  };
  return { decide };
}

function neverSent(callId: number, atMs: number, { atMs: startedAtMs }: DecisionRecord) {
  const counts = { status: 0, promptTokens: 0, cachedTokens: 0, outputTokens: 0, ttftUs: 0 };
  return { kind: "done", cause: "never_sent", callId, slot: 0, atMs, e2eMs: atMs - startedAtMs, ...counts } as const;
}

function toSource({ path, body, header }: IncomingRequest, needs: FactNeeds): RequestFactsSource {
  return { path, body, header, needs };
}
