import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type {
  DecisionRecord,
  FilterStep,
  InflightColumns,
  Plan,
  PlannedFilter,
  PluginOutcome,
  ProducerOutcome,
  ProfileRecord,
  RequestFacts,
  Routing,
  ScorerOutcome,
} from "@outrider/core";
import {
  type Decision,
  DecisionSchema,
  type FilterStepSchema,
  OutcomeKind,
  type ProducerOutcomeSchema,
  type ProfileRunSchema,
  type RefusalSchema,
  type RoutingSchema,
  type ScorerOutcomeSchema,
} from "@outrider/protos/record";
import type { CandidateDataSchema, ColumnDataSchema, RequestFactsSchema } from "@outrider/protos/scorer";
import type { Refusal } from "../scheduling/types.ts";
import type { ColumnNumbers } from "./column-numbers.ts";

/** What a decision's record leaves out. */
export interface DecisionContext {
  /** Way the request came in; empty where it is no longer known. */
  readonly door: string;
  /** Plan it was made by. */
  readonly plan: Plan;
  /** What the client was told instead; `undefined` where the request was sent, or nobody knows. */
  readonly refusal: Refusal | undefined;
}

/** A decision in the form of recordings: all that explains it, without prompt text, token ids and block hashes. */
export function toDecision(record: DecisionRecord, context: DecisionContext, numbers: ColumnNumbers): Decision {
  const { snapshot } = record;
  const { plan, refusal } = context;
  return create(DecisionSchema, {
    decisionId: record.decisionId,
    atMs: record.atMs,
    door: context.door,
    generation: record.generation,
    epoch: snapshot.epoch,
    rev: snapshot.rev,
    candidates: [...record.candidates],
    facts: toFacts(record.facts),
    inflight: toInflight(record.inflight, record.candidates, numbers),
    producers: record.producers.map((outcome) => toProducer(outcome, plan, numbers)),
    profiles: record.profiles.map((profile) => toProfile(profile, plan)),
    primary: record.destination.length === 0 ? "" : record.primary,
    destination: [...record.destination],
    seed: record.seed,
    ...(refusal === undefined ? {} : { refused: toRefusal(refusal, record) }),
    durationUs: toUint(record.durationUs),
    budgetUs: toUint(plan.budgetMs * 1_000),
    multimodal: record.facts.multimodal === true,
    ...(isNothing(record.routing) ? {} : { routing: toRouting(record.routing) }),
  });
}

function toRefusal(refusal: Refusal, record: DecisionRecord): MessageInitShape<typeof RefusalSchema> {
  const { status, code, message, droppedReason, retryAfterS = 0 } = refusal;
  return {
    status,
    code,
    reason: message,
    scorer: record.failedBy,
    policy: record.refusal?.by ?? "",
    droppedReason,
    retryAfterS: toUint(retryAfterS),
  };
}

function isNothing({ setHeaders, port }: Routing): boolean {
  return setHeaders.length === 0 && port === 0;
}

function toRouting({ setHeaders, port }: Routing): MessageInitShape<typeof RoutingSchema> {
  return { headers: setHeaders.map(([name, value]) => ({ name, value })), port };
}

function toFacts(facts: RequestFacts): MessageInitShape<typeof RequestFactsSchema> {
  return {
    model: facts.model,
    lora: facts.lora,
    priority: facts.priority,
    fairnessId: facts.fairnessId,
    sessionKey: facts.sessionKey,
    promptTokens: facts.promptTokens,
    blockSize: facts.blockSizeTokens,
    headers: { ...facts.headers },
    maxOutputTokens: toUint(facts.maxOutputTokens),
    stream: facts.stream,
    requestId: facts.requestId,
    sloTtftMs: toUint(facts.sloTtftMs),
    sloTpotMs: toUint(facts.sloTpotMs),
    objective: facts.objective,
    pinnedSlotPlus1: facts.pinnedSlot + 1,
  };
}

/** In-flight columns at the candidates; none where nobody reads them. */
function toInflight(inflight: InflightColumns, candidates: Uint32Array, numbers: ColumnNumbers) {
  if (inflight.requests.length === 0) return [];
  const named = new Set(candidates);
  const slots = toBitmap(candidates.at(-1)! + 1, (slot) => named.has(slot));
  const column = (key: string, values: Float32Array): MessageInitShape<typeof ColumnDataSchema> => ({
    column: numbers.of(key),
    slots,
    values: Array.from(candidates, (slot) => values[slot] ?? 0),
  });
  return [
    column("inflight_requests", inflight.requests),
    column("inflight_prompt_tokens", inflight.promptTokens),
    column("inflight_output_tokens", inflight.outputTokens),
  ];
}

function toProducer(
  outcome: ProducerOutcome,
  { waves }: Plan,
  numbers: ColumnNumbers,
): MessageInitShape<typeof ProducerOutcomeSchema> {
  const keys = waves.flat().find(({ producer }) => producer.name === outcome.name)?.producer.produces ?? [];
  return {
    ...toOutcome(outcome),
    values: outcome.values.flatMap((values, i) => (keys[i] === undefined ? [] : [toData(numbers.of(keys[i]), values)])),
  };
}

function toData(column: number, values: Float32Array): MessageInitShape<typeof CandidateDataSchema> {
  const known = values.every((value) => !Number.isNaN(value));
  return {
    column,
    values: Array.from(values, (value) => (Number.isNaN(value) ? 0 : value)),
    unknown: known ? new Uint8Array() : toBitmap(values.length, (i) => Number.isNaN(values[i])),
  };
}

function toProfile(profile: ProfileRecord, { profiles }: Plan): MessageInitShape<typeof ProfileRunSchema> {
  const { picker, filters = [] } = profiles.find(({ name }) => name === profile.name) ?? {};
  return {
    name: profile.name,
    filters: profile.filters.map((step, i) => toFilterStep(step, filters[i])),
    candidates: [...profile.candidates],
    scorers: profile.scorers.map((outcome) => toScorer(outcome, profile)),
    shadows: profile.shadows.map((outcome) => toScorer(outcome, profile)),
    vetoesIgnored: profile.vetoes === "ignored",
    totals: [...profile.totals],
    picker: picker?.name ?? "",
    tieBreak: picker?.tieBreak ?? "",
    picked: [...profile.picked],
  };
}

function toFilterStep(
  { name, kept, outcome, setAside = [] }: FilterStep,
  planned: PlannedFilter | undefined,
): MessageInitShape<typeof FilterStepSchema> {
  return {
    name,
    type: planned?.filter.type ?? "",
    kept: [...kept],
    onEmpty: planned?.onEmpty ?? "",
    outcome: outcome === "applied" ? "" : outcome,
    setAside: [...setAside],
  };
}

function toScorer(outcome: ScorerOutcome, { candidates }: ProfileRecord): MessageInitShape<typeof ScorerOutcomeSchema> {
  const { scores, weight, clamped, fallback = "", vetoed } = outcome;
  const abstained = scores.some((score) => Number.isNaN(score));
  return {
    ...toOutcome(outcome),
    weight,
    clamped,
    fallback,
    veto: vetoed.length === 0 ? new Uint8Array() : toBitmap(candidates.length, (i) => vetoed.includes(i)),
    scores: Array.from(scores, (score) => (Number.isNaN(score) ? 0 : score)),
    abstain: abstained ? toBitmap(scores.length, (i) => Number.isNaN(scores[i])) : new Uint8Array(),
  };
}

const kinds: Readonly<Record<PluginOutcome["kind"], OutcomeKind>> = {
  scored: OutcomeKind.SCORED,
  abstained: OutcomeKind.ABSTAINED,
  late: OutcomeKind.LATE,
  failed: OutcomeKind.FAILED,
  shed: OutcomeKind.SHED,
};

function toOutcome(outcome: PluginOutcome) {
  const { name, type, kind, callId, durationUs } = outcome;
  const failed = outcome.kind === "failed";
  return {
    name,
    type,
    kind: kinds[kind],
    reason: failed ? outcome.error.message : outcome.reason,
    code: failed ? outcome.error.code : "",
    durationUs: toUint(durationUs),
    callId: toUint(callId),
  };
}

/** Bitmap over positions, bit i % 8 of byte i ÷ 8, lowest first. */
function toBitmap(length: number, isSet: (position: number) => boolean): Uint8Array<ArrayBuffer> {
  const bitmap = new Uint8Array(Math.ceil(length / 8));
  for (let i = 0; i < length; i++) if (isSet(i)) bitmap[i >> 3]! |= 1 << (i & 7);
  return bitmap;
}

function toUint(value: number): number {
  return Math.min(Math.max(0, Math.round(value)), 2 ** 32 - 1);
}
