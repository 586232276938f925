import type { HostFacts } from "@outrider/core";
import { type PoolState, refuseSheddable } from "./admission.ts";
import { selectCandidates } from "./candidates.ts";
import { refuseRewrite } from "./model-rewrite.ts";
import type { Pace } from "./pace.ts";
import { refuse } from "./refusals.ts";
import type { RequestRules } from "./request-rules.ts";
import { screen } from "./screening.ts";
import { servedModelsOf } from "./served-models.ts";
import type { IncomingRequest, Refusal } from "./types.ts";

/** What a request is taken in by. */
export interface IntakeParts {
  readonly rules: RequestRules;
  readonly pool: PoolState;
  readonly pace: Pace;
  /** Whether the gateway's subset of endpoints counts. */
  readonly usesSubset: boolean;
  /** Of the decision. */
  readonly seed: number;
}

/** A request that is not decided, or whose decision leads nowhere. */
export interface Declined {
  readonly kind: "declined";
  readonly refusal: Refusal;
  /** Why; a metric label. */
  readonly reason: string;
}

/** A request that is decided, and what the decision may choose from: at least one endpoint. */
export interface TakenIn {
  readonly kind: "taken in";
  /** Slots, ascending. */
  readonly candidates: Uint32Array;
}

/**
 * What stands before the cycle, in the order of the reference EPP: body, model, admission, candidates, screeners; then
 * whether anybody serves the model.
 */
export function takeIn(request: IncomingRequest, facts: HostFacts, parts: IntakeParts): TakenIn | Declined {
  const { rules, pool, pace, usesSubset, seed } = parts;
  const fault = facts.prepare();
  if (fault !== undefined) return decline(refuse("BadRequest", fault), "bad-request");
  const objection = refuseRewrite(request, facts);
  if (objection !== undefined) return decline(objection, "model-rewrite");
  const shed = refuseSheddable(facts, rules.detector, pool, pace);
  if (shed !== undefined) return decline(shed, "saturated");
  const { snapshot } = pool;
  const candidates = selectCandidates(snapshot, usesSubset ? request.subset : undefined);
  if (candidates.length === 0) return none("failed to find endpoint candidates for serving the request");
  const screened = screen(rules.screeners, { request, facts, snapshot, candidates, seed });
  if (screened.length === 0) return none("screeners eliminated all endpoint candidates");
  return refuseUnknown(facts.model, screened, parts) ?? { kind: "taken in", candidates: screened };
}

/** @param reason a metric label. */
export function decline(refusal: Refusal, reason: string): Declined {
  return { kind: "declined", refusal, reason };
}

function none(message: string): Declined {
  return decline(refuse("ServiceUnavailable", message, "rejected-no-endpoints"), "no-endpoints");
}

/** Longest piece of a client's model name that it is told, in characters. */
const shownModelLength = 200;

function refuseUnknown(model: string, candidates: Uint32Array, { rules, pool }: IntakeParts): Declined | undefined {
  if (rules.unknownModels === "route" || model === "") return undefined;
  if (servedModelsOf(pool.snapshot).isServed(model, candidates)) return undefined;
  const name = model.slice(0, shownModelLength);
  return decline(refuse("NotFound", `no endpoint serves the model ${name}`), "unknown-model");
}
