import {
  type CycleClock,
  createRequestFacts,
  createUsageReader,
  type DecisionRecord,
  type EndpointTable,
  type FactsSettings,
  type FactsSource,
  type Leases,
  type Need,
  OutriderError,
  type Plan,
  runCycle,
  shadowCallIds,
  toFactNeeds,
} from "@outrider/core";
import { selectCandidates } from "./candidates.ts";
import type { DecisionRing } from "./decision-ring.ts";
import { destinationsOf, primaryOf, scoresOf } from "./destinations.ts";
import { type EventNeeds, eventNeedsOf } from "./event-needs.ts";
import { createExchange, type Listener } from "./exchange.ts";
import { type Ears, earsOf, listenersOf, noEars } from "./listeners.ts";
import type { SchedulingMetrics } from "./metrics.ts";
import { prepareRewrite, refuseRewrite, targetOfHeaders } from "./model-rewrite.ts";
import { type ResponsesMode, toObservation } from "./observation.ts";
import { refuse } from "./refusals.ts";
import { createShadowWatch } from "./shadow-watch.ts";
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
  /** Union of what the plugins may see, another array when it changes; nothing else of a request is computed. */
  readonly granted: () => readonly Need[];
  /** Whether what is decided leaves no trace in plugins: they neither count it nor hear of it. */
  readonly isRehearsal: boolean;
  /** Next 32 random bits. */
  readonly seed: () => number;
  /** Starts every decision's id: unique among the starts of the host. */
  readonly idPrefix: string;
  /** Whether the gateway's subset of endpoints counts. */
  readonly usesSubset: boolean;
  /** How much of responses is observed; default `full`. Asked for each request. */
  readonly responses?: () => ResponsesMode;
  /** Whether gateways are told the total of every scored endpoint; default false. */
  readonly emitsScores?: boolean;
  /** Hears of faults of our own, which are answered 500. */
  readonly onError: (cause: unknown) => void;
  /** Hears of each request that was refused for want of a scorer; maybe of all requests. */
  readonly onRequired?: (error: OutriderError) => void;
}

/** What the grants come to, kept until they change. */
interface Needs {
  readonly granted: readonly Need[];
  readonly facts: FactsSettings;
  readonly events: EventNeeds;
}

/** Calls of one decision at most, with those of shadow scorers; ids stay unique over that many decisions ÷ 2³². */
const callsPerDecision = 2 * shadowCallIds;
/** Where the calls of rehearsals begin: far from those of requests that are decided meanwhile. */
const rehearsedCallIds = 2 ** 31;

const noScores: Routed["scores"] = [];

/** Model that is asked for in the place of a client's. */
const targetOf = (_: string, source: FactsSource) => targetOfHeaders(source);

/** One request through facts, candidates, cycle, lease, feedback and record. */
export function createScheduler(parts: SchedulerParts): Scheduler {
  let decisions = 0;
  let known: { readonly plan: Plan; readonly ears: Ears; readonly hasShadows: boolean } | undefined;
  const about = (plan: Plan) => {
    if (known?.plan !== plan) {
      const hasShadows = plan.profiles.some(({ scorers }) => scorers.some(({ shadow }) => shadow));
      known = { plan, ears: parts.isRehearsal ? noEars : earsOf(plan), hasShadows };
    }
    return known;
  };
  const addressAt = (slot: number) => parts.table.current.at(slot)?.address;
  let needs: Needs | undefined;
  const currentNeeds = (): Needs => {
    const granted = parts.granted();
    if (needs?.granted !== granted) {
      const facts = { needs: toFactNeeds(granted), targetOf };
      needs = { granted, facts, events: eventNeedsOf(granted) };
    }
    return needs;
  };

  const schedule = (request: IncomingRequest): Routed | Refusal | Promise<Routed | Refusal> => {
    const { facts: settings, events } = currentNeeds();
    const decisionId = `${parts.idPrefix}-${(++decisions).toString(36)}`;
    const facts = createRequestFacts(request, request.header("x-request-id") ?? decisionId, settings);
    const fault = facts.prepare();
    if (fault !== undefined) return refused(refuse("BadRequest", fault), "bad-request");
    const objection = refuseRewrite(request, facts);
    if (objection !== undefined) return refused(objection, "model-rewrite");
    const snapshot = parts.table.current;
    const candidates = selectCandidates(snapshot, parts.usesSubset ? request.subset : undefined);
    if (candidates.length === 0) {
      const message = "failed to find endpoint candidates for serving the request";
      return refused(refuse("ServiceUnavailable", message, "rejected-no-endpoints"), "no-endpoints");
    }
    const plan = parts.plan();
    const shadows = about(plan).hasShadows ? createShadowWatch(parts.metrics, facts) : undefined;
    const record = runCycle({
      decisionId,
      firstCallId: (decisions * callsPerDecision + (parts.isRehearsal ? rehearsedCallIds : 0)) >>> 0,
      plan,
      snapshot,
      candidates,
      facts,
      inflight: parts.table.inflight,
      seed: parts.seed(),
      clock: parts.clock,
      isRehearsal: parts.isRehearsal,
      onShadow: shadows?.ended,
    });
    return record instanceof Promise ? record.then((made) => conclude(made, plan)) : conclude(record, plan);

    function refused(refusal: Refusal, reason: string): Refusal {
      parts.metrics.refusal(reason);
      parts.metrics.request(request.door, refusal.status);
      return refusal;
    }

    function conclude(made: DecisionRecord, by: Plan): Routed | Refusal {
      if (shadows === undefined) facts.release();
      else shadows.decided(made);
      parts.metrics.decision(made);
      const listeners = listenersOf(made, about(by).ears);
      const nowMs = parts.clock.nowMs();
      const slot = made.destination[0];
      if (slot === undefined) {
        for (const { callId, feedback } of listeners) feedback(neverSent(callId, nowMs, made));
        const { refusal, reason } = refuseEmpty(made, parts);
        parts.ring.add(made, { door: request.door, plan: by, refusal });
        return refused(refusal, reason);
      }
      parts.ring.add(made, { door: request.door, plan: by, refusal: undefined });
      const primary = primaryOf(made);
      if (listeners.length > 0) {
        const totalScore = primary?.totals[primary.candidates.indexOf(slot)] ?? 0;
        tellPicked(listeners, made, { slot, atMs: nowMs, totalScore, promptTokens: facts.promptTokens });
      }
      const rewrite = prepareRewrite(request, facts);
      if (rewrite !== undefined) parts.metrics.modelRewrite();
      const { emitsScores = false } = parts;
      const responses = parts.responses?.() ?? "full";
      const slots = destinationsOf(made, request.door);
      return createExchange({
        door: request.door,
        record: made,
        destinations: slots.map((each) => made.snapshot.at(each)?.address ?? ""),
        slots,
        listeners,
        leases: parts.leases,
        addressAt,
        tokens: { prompt: facts.promptTokens, output: facts.maxOutputTokens },
        observation: rewrite === undefined ? toObservation(responses, events, by.readsInflight) : "full",
        rewrite,
        scores: emitsScores && primary !== undefined ? scoresOf(primary, made) : noScores,
        usage: listeners.length > 0 && events.usage ? createUsageReader() : undefined,
        events,
        metrics: parts.metrics,
        nowMs: parts.clock.nowMs,
      });
    }
  };
  const fail = (request: IncomingRequest, cause: unknown): Refusal => {
    parts.onError(cause);
    parts.metrics.refusal("internal");
    parts.metrics.request(request.door, 500);
    return refuse("Internal", "the decision failed; the log of the endpoint picker says why");
  };
  return {
    decide(request) {
      try {
        const verdict = schedule(request);
        return verdict instanceof Promise ? verdict.catch((cause: unknown) => fail(request, cause)) : verdict;
      } catch (cause) {
        return fail(request, cause);
      }
    },
  };
}

/** A decision that leads nowhere: a scorer that it depends on is missing, or no endpoint is left. */
function refuseEmpty({ failedBy }: DecisionRecord, { onRequired }: SchedulerParts) {
  if (failedBy === "") {
    const message = "failed to find target endpoint: no endpoint is left behind the filters";
    return { refusal: refuse("ResourceExhausted", message, "rejected-saturated"), reason: "no-candidate" };
  }
  const message = `${failedBy} brought nothing in time and has onFailure: fail_request`;
  onRequired?.(new OutriderError("SCORER_REQUIRED", message));
  const told = "failed to find target endpoint: a scorer that the decision depends on has not answered";
  return { refusal: refuse("ServiceUnavailable", told), reason: "SCORER_REQUIRED" };
}

function tellPicked(
  listeners: readonly Listener[],
  { profiles }: DecisionRecord,
  pick: { readonly slot: number; readonly atMs: number; readonly totalScore: number; readonly promptTokens: number },
): void {
  const picks = profiles.flatMap(({ name, picked }) =>
    picked.slice(0, 1).map((peer) => ({ profile: name, slot: peer })),
  );
  for (const { callId, ownScore, fallback, feedback } of listeners) {
    feedback({ kind: "picked", callId, ...pick, ownScore, fallback, picks });
  }
}

function neverSent(callId: number, atMs: number, { atMs: startedAtMs }: DecisionRecord) {
  const counts = { status: 0, promptTokens: 0, cachedTokens: 0, outputTokens: 0, ttftUs: 0 };
  return { kind: "done", cause: "never_sent", callId, slot: 0, atMs, e2eMs: atMs - startedAtMs, ...counts } as const;
}
