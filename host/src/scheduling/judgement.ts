import { type DecisionRecord, OutriderError } from "@outrider/core";
import { type PoolState, saturationOf } from "./admission.ts";
import { type Declined, decline } from "./intake.ts";
import type { Pace } from "./pace.ts";
import type { PlanView } from "./plan-view.ts";
import { refuse } from "./refusals.ts";
import type { RequestRules } from "./request-rules.ts";
import type { IncomingRequest } from "./types.ts";

/** What a decision that was made is judged by. */
export interface JudgementParts {
  readonly request: Pick<IncomingRequest, "header">;
  readonly view: PlanView;
  readonly rules: RequestRules;
  readonly pool: PoolState;
  readonly pace: Pace;
  /** Hears of a request that was refused for want of a scorer. */
  readonly onRequired: ((error: OutriderError) => void) | undefined;
}

/** Why a decision leads nowhere; `undefined` where it does not. */
export function judge(made: DecisionRecord, parts: JudgementParts): Declined | undefined {
  if (made.failedBy !== "") return withoutScorer(made.failedBy, parts);
  if (made.refusal !== undefined) return byPolicy(made.refusal);
  if (made.destination.length === 0) return withoutEndpoint(made, parts);
  return withoutPrefix(made, parts);
}

function withoutScorer(scorer: string, { onRequired }: JudgementParts): Declined {
  const message = `${scorer} brought nothing in time and has onFailure: fail_request`;
  onRequired?.(new OutriderError("SCORER_REQUIRED", message));
  const told = "failed to find target endpoint: a scorer that the decision depends on has not answered";
  return decline(refuse("ServiceUnavailable", told), "SCORER_REQUIRED");
}

function byPolicy(refusal: NonNullable<DecisionRecord["refusal"]>): Declined {
  const { by, code, message, droppedReason, retryAfterS } = refusal;
  const refused = refuse(code, message, droppedReason);
  return decline(retryAfterS > 0 ? { ...refused, retryAfterS } : refused, by);
}

/** Filters are asked about load as well as about labels: how long it takes to change is known of load alone. */
function withoutEndpoint(made: DecisionRecord, { rules, pool, pace }: JudgementParts): Declined {
  const message = `failed to find target endpoint: ${explainEmpty(made)}`;
  const retryAfterS = pace.retryAfterS(saturationOf(rules.detector, pool));
  return decline({ ...refuse("ResourceExhausted", message, "rejected-saturated"), retryAfterS }, "no-candidate");
}

/** Which filter left nothing, of the profile that counts. */
function explainEmpty({ profiles, primary, candidates }: DecisionRecord): string {
  const profile = profiles.find(({ name }) => name === primary) ?? profiles.at(-1);
  if (profile === undefined) return "no profile was run";
  const { name, filters } = profile;
  const at = filters.findIndex(({ kept }) => kept.length === 0);
  const filter = filters[at];
  if (filter === undefined) return `profile ${name} picked none`;
  const before = (filters[at - 1]?.kept ?? candidates).length;
  return `filter ${filter.name} of profile ${name} left none of ${before} endpoint${before === 1 ? "" : "s"}`;
}

/**
 * A client that wants to be answered only where its prompt is cached: where nobody tells of caches, none of it is. A
 * producer that has failed to answer refuses nobody.
 */
function withoutPrefix(made: DecisionRecord, { request, view }: JudgementParts): Declined | undefined {
  if (!prefersAvailable(request.header("prefer"))) return undefined;
  const { prefixMatches } = view;
  if (prefixMatches !== undefined && !lacksPrefix(made, prefixMatches)) return undefined;
  const message = "no part of the prompt is known to be in the prefix cache of the endpoint (Prefer: if-available)";
  return decline(refuse("PreconditionFailed", message), "if-available");
}

/** Whether a producer that has answered says so; one that abstains knows of nothing. */
function lacksPrefix(
  { candidates, destination, producers }: DecisionRecord,
  { producer, position }: NonNullable<PlanView["prefixMatches"]>,
): boolean {
  const outcome = producers.find(({ name }) => name === producer);
  if (outcome?.kind === "abstained") return true;
  if (outcome?.kind !== "scored") return false;
  const blocks = outcome.values[position]?.[candidates.indexOf(destination[0] ?? -1)];
  return !(blocks !== undefined && blocks > 0);
}

/** Whether `if-available` is among the preferences of RFC 7240, whatever its parameters. */
function prefersAvailable(header: string | undefined): boolean {
  if (header === undefined) return false;
  return header
    .split(",")
    .some((preference) => preference.split(/[;=]/, 1)[0]?.trim().toLowerCase() === "if-available");
}
