import {
  createAnswerReader,
  createRequestFacts,
  createUsageReader,
  type DecisionRecord,
  type EndpointInfo,
  type FeedbackEvent,
  type HostFacts,
  runCycle,
  type SessionPins,
  type Sessions,
  shadowCallIds,
} from "@outrider/core";
import type { PoolState } from "./admission.ts";
import type { DecisionNeeds } from "./decision-needs.ts";
import { addressesOf, destinationsOf, peersOf, primaryOf, scoresOf, withPort } from "./destinations.ts";
import { createExchange, type Listener } from "./exchange.ts";
import { type Declined, takeIn } from "./intake.ts";
import { judge } from "./judgement.ts";
import { listenersOf, tellNeverSent, tellPicked } from "./listeners.ts";
import { prepareRewrite, type TargetChoice } from "./model-rewrite.ts";
import { type ResponsesMode, toObservation } from "./observation.ts";
import type { ObservedRequest, RequestObserver } from "./observer.ts";
import type { Pace } from "./pace.ts";
import type { PlanView } from "./plan-view.ts";
import { PredictionWatch } from "./prediction-watch.ts";
import { predictionsOf } from "./predictions.ts";
import type { DecisionWatch } from "./recorder.ts";
import type { RequestRules } from "./request-rules.ts";
import { ResponseWatch, toObserved } from "./response-watch.ts";
import type { SchedulerParts } from "./scheduler-parts.ts";
import { pickedIn, tokensOf } from "./session-picks.ts";
import { createShadowWatch, type ShadowWatch } from "./shadow-watch.ts";
import type { IncomingRequest, Observation, Refusal, Routed } from "./types.ts";

/** What the decisions of one scheduler have in common. */
export interface DecisionParts extends SchedulerParts {
  readonly targets: TargetChoice;
  readonly pace: Pace;
  /** Endpoint that has a slot now. */
  readonly endpointAt: (slot: number) => EndpointInfo | undefined;
  readonly onOk: (e2eMs: number) => void;
}

/** What one decision is made by. */
export interface DecisionBasis {
  /** Counts the decisions of a scheduler, from 1. */
  readonly number: number;
  readonly rules: RequestRules;
  readonly responses: ResponsesMode;
  readonly view: PlanView;
  readonly needs: DecisionNeeds;
}

/** Calls of one decision at most, with those of shadow scorers; ids stay unique over that many decisions ÷ 2³². */
const callsPerDecision = 2 * shadowCallIds;
/** Where the calls of rehearsals begin: far from those of requests that are decided meanwhile. */
const rehearsedCallIds = 2 ** 31;

const noScores: Routed["scores"] = [];

/** One request on its way through facts, intake, cycle and judgement to its endpoint. */
export class Decision {
  readonly #parts: DecisionParts;
  readonly #request: IncomingRequest;
  readonly #basis: DecisionBasis;
  readonly #id: string;
  readonly #seed: number;
  readonly #facts: HostFacts;
  readonly #pool: PoolState;
  readonly #observer: RequestObserver | undefined;
  readonly #receivedMs: number;
  /** Rule that chose the model; empty = none did. */
  #rule = "";
  #observed: ObservedRequest | undefined;
  #shadows: ShadowWatch | undefined;
  #pins: SessionPins | undefined;
  /** Hears of it for a recording; `undefined` = nobody records it. */
  #watch: DecisionWatch | undefined;

  constructor(parts: DecisionParts, request: IncomingRequest, basis: DecisionBasis) {
    const { number, rules, needs } = basis;
    const { clock, table } = parts;
    this.#parts = parts;
    this.#request = request;
    this.#basis = basis;
    this.#id = `${parts.idPrefix}-${number.toString(36)}`;
    this.#seed = parts.seed();
    parts.targets.begin(rules, this.#seed);
    this.#facts = createRequestFacts(request, request.header("x-request-id") ?? this.#id, needs.facts);
    this.#pool = { snapshot: table.current, inflight: table.inflight, nowMs: clock.nowMs() };
    this.#observer = rules.referenceMetrics ? parts.observer : undefined;
    this.#receivedMs = this.#observer === undefined ? 0 : clock.elapsedMs();
  }

  make(): Routed | Refusal | Promise<Routed | Refusal> {
    const { rules } = this.#basis;
    const { pace, targets, usesSubset } = this.#parts;
    const taken = takeIn(this.#request, this.#facts, { rules, pool: this.#pool, pace, usesSubset, seed: this.#seed });
    this.#rule = targets.rule;
    if (this.#observer !== undefined) this.#observed = toObserved(this.#request, this.#facts, this.#rule);
    if (taken.kind === "declined") return this.#refuse(taken);
    if (rules.sessions !== undefined) this.#pin(rules.sessions, taken.candidates);
    const record = this.#run(taken.candidates);
    return record instanceof Promise ? record.then((made) => this.#conclude(made)) : this.#conclude(record);
  }

  #pin(sessions: Sessions, candidates: Uint32Array): void {
    const { snapshot, nowMs } = this.#pool;
    this.#pins = sessions.pin(this.#request, { snapshot, candidates, nowMs });
    this.#facts.pin(this.#pins);
  }

  #run(candidates: Uint32Array): DecisionRecord | Promise<DecisionRecord> {
    const { clock, isRehearsal, metrics, table } = this.#parts;
    const { number, view } = this.#basis;
    if (view.hasShadows) this.#shadows = createShadowWatch(metrics, this.#facts);
    this.#watch = this.#parts.recorder?.()?.begin({
      decisionId: this.#id,
      facts: this.#facts,
      snapshot: this.#pool.snapshot,
      plan: view.plan,
      candidates,
      inflight: table.inflight,
      seed: this.#seed,
    });
    return runCycle({
      decisionId: this.#id,
      firstCallId: (number * callsPerDecision + (isRehearsal ? rehearsedCallIds : 0)) >>> 0,
      plan: view.plan,
      snapshot: this.#pool.snapshot,
      candidates,
      facts: this.#facts,
      inflight: table.inflight,
      seed: this.#seed,
      clock,
      isRehearsal,
      onResumed: this.#watch && (() => this.#watch?.resumed()),
      onShadow: this.#shadows?.ended,
    });
  }

  #conclude(made: DecisionRecord): Routed | Refusal {
    const { metrics, onRequired, pace, ring } = this.#parts;
    const { rules, view } = this.#basis;
    const request = this.#request;
    if (this.#shadows === undefined) this.#facts.release();
    else this.#shadows.decided(made);
    metrics.decision(made);
    this.#observer?.decided(made);
    const declined = judge(made, { request, view, rules, pool: this.#pool, pace, onRequired });
    const circumstances = { door: request.door, plan: view.plan, refusal: declined?.refusal };
    ring.add(made, circumstances);
    this.#watch?.made(made, circumstances);
    if (declined === undefined) return this.#route(made);
    tellNeverSent(this.#listeners(made), made, this.#parts.clock.nowMs());
    return this.#refuse(declined);
  }

  #route(made: DecisionRecord): Routed {
    const { clock, endpointAt, isRehearsal, leases, metrics, onOk } = this.#parts;
    const { needs, rules, view } = this.#basis;
    const { door } = this.#request;
    const { answerStart, maxOutputTokens, parser, promptTokens } = this.#facts;
    const slot = made.destination[0] as number;
    const listeners = this.#listeners(made);
    const rewrite = prepareRewrite(this.#request, this.#facts);
    if (rewrite !== undefined) metrics.modelRewrite(this.#rule);
    const slots = destinationsOf(made, door);
    const homes = addressesOf(slots, made.snapshot);
    const { routing } = made;
    const { reporters } = rules;
    const answer = answerStart && listeners.length > 0 ? createAnswerReader(answerStart) : undefined;
    const exchange = createExchange({
      decisionId: this.#id,
      door,
      startedAtMs: made.atMs,
      destinations: withPort(homes, routing.port),
      slots,
      homes,
      load: { slot, peers: peersOf(made, slot), tokens: { prompt: promptTokens, output: maxOutputTokens } },
      leases,
      endpointAt,
      setHeaders: routing.setHeaders,
      removeHeaders: view.removedHeaders[door],
      tokens: tokensOf(rules.sessions, made, slots),
      screeners: rules.screeners,
      observation: rewrite === undefined ? this.#toObservation() : "full",
      rewrite,
      scores: this.#scores(made),
      listeners,
      events: needs.events,
      usage: this.#readsUsage(listeners.length > 0) ? createUsageReader(parser?.usageMember, answer) : undefined,
      answer,
      reporters,
      watch: this.#watchResponse(),
      predictions: view.predictions.length === 0 ? undefined : this.#watchPredictions(made),
      metrics,
      onOk,
      nowMs: clock.nowMs,
    });
    if (!isRehearsal) this.#pins?.sent((profile) => pickedIn(made, profile));
    if (listeners.length > 0) tellPicked(listeners, made, { slot, atMs: clock.nowMs(), promptTokens });
    return exchange;
  }

  /** Plugins that want to hear what becomes of it, and behind them who records it. */
  #listeners(made: DecisionRecord): readonly Listener[] {
    const listeners = listenersOf(made, this.#basis.view.ears);
    const watch = this.#watch;
    if (watch === undefined) return listeners;
    const feedback = (event: FeedbackEvent) => watch.told(event);
    return [...listeners, { name: "", callId: 0, ownScore: Number.NaN, fallback: false, feedback }];
  }

  #refuse({ refusal, reason }: Declined): Refusal {
    const { metrics } = this.#parts;
    metrics.refusal(reason);
    metrics.request(this.#request.door, refusal.status);
    if (this.#observer !== undefined && this.#observed !== undefined) {
      this.#observer.refused(this.#observed, refusal, this.#parts.clock.elapsedMs() - this.#receivedMs);
    }
    return refusal;
  }

  #toObservation(): Observation {
    const { needs, responses, rules, view } = this.#basis;
    const isRead = view.plan.readsInflight || rules.reporters.length > 0 || this.#observer !== undefined;
    const observation = toObservation(responses, needs.events, isRead);
    const setsHeaders = rules.screeners.length > 0 || (rules.sessions?.tokenHeaders.length ?? 0) > 0;
    return observation === "none" && setsHeaders ? "headers" : observation;
  }

  /** Whether somebody wants to know the tokens of a response that may tell them. */
  #readsUsage(isHeard: boolean): boolean {
    const { needs, rules, view } = this.#basis;
    if (this.#facts.parser?.observesResponse(this.#request.path) === false) return false;
    if (this.#observed !== undefined || this.#watch !== undefined) return true;
    if (rules.reporters.length > 0 || view.predictions.length > 0) return true;
    return isHeard && needs.events.usage;
  }

  #scores(made: DecisionRecord): Routed["scores"] {
    const primary = this.#parts.emitsScores ? primaryOf(made) : undefined;
    return primary === undefined ? noScores : scoresOf(primary, made);
  }

  #watchResponse(): ResponseWatch | undefined {
    if (this.#observer === undefined || this.#observed === undefined) return undefined;
    const { elapsedMs } = this.#parts.clock;
    return new ResponseWatch({
      observer: this.#observer,
      request: this.#observed,
      receivedMs: this.#receivedMs,
      elapsedMs,
    });
  }

  #watchPredictions(made: DecisionRecord): PredictionWatch | undefined {
    const predictions = predictionsOf(this.#basis.view.predictions, made);
    if (predictions.length === 0) return undefined;
    const { metrics } = this.#parts;
    const { sloTtftMs: ttftMs, sloTpotMs: tpotMs, stream: isStreamed } = this.#facts;
    const observer = this.#observer;
    const observed = this.#observed;
    return new PredictionWatch({
      predictions,
      isStreamed,
      hear(prediction, took) {
        metrics.predicted(prediction, took);
        if (observed !== undefined) observer?.predicted(observed, prediction, took, { ttftMs, tpotMs });
      },
    });
  }
}
