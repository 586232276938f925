import { type ErrorCode, errorCodes, OutriderError } from "@outrider/core/contract";
import { type Decision, OutcomeKind, type ProducerOutcome, type ScorerOutcome } from "@outrider/protos/record";

/** An answer that was missing when a decision was made. */
export interface RecordedMiss {
  /** What the cycle makes the same outcome of. */
  readonly error: OutriderError;
  /** Whether the plugin was put the call, so that it may have learned from it. */
  readonly wasPut: boolean;
}

/** Misses of one decision, by profile (empty = a producer's) and name of the plugin. */
export interface RecordedMisses {
  of(profile: string, plugin: string): RecordedMiss | undefined;
}

/** What was missing in a decision, of plugins that have the same type now. */
export function findMisses(decision: Decision, typeOf: (plugin: string) => string | undefined): RecordedMisses {
  const found = new Map<string, RecordedMiss>();
  const note = (profile: string, outcome: ProducerOutcome | ScorerOutcome) => {
    const error = toError(outcome);
    if (error === undefined || typeOf(outcome.name) !== outcome.type) return;
    found.set(keyOf(profile, outcome.name), { error, wasPut: wasPut(error) });
  };
  for (const outcome of decision.producers) note("", outcome);
  for (const { name, scorers } of decision.profiles) for (const outcome of scorers) note(name, outcome);
  return { of: (profile, plugin) => (found.size === 0 ? undefined : found.get(keyOf(profile, plugin))) };
}

function keyOf(profile: string, plugin: string): string {
  return `${profile}\n${plugin}`;
}

/** The cycle makes a late outcome of `SCORER_DEADLINE`, and a shed one of `SCORER_SHED`. */
function toError({ kind, code, reason }: ProducerOutcome | ScorerOutcome): OutriderError | undefined {
  if (kind === OutcomeKind.LATE) return new OutriderError("SCORER_DEADLINE", reason);
  if (kind === OutcomeKind.SHED) return new OutriderError("SCORER_SHED", reason);
  return kind === OutcomeKind.FAILED ? new OutriderError(isCode(code) ? code : "SCORER_FAILED", reason) : undefined;
}

function isCode(code: string): code is ErrorCode {
  return Object.hasOwn(errorCodes, code);
}

function wasPut({ code }: OutriderError): boolean {
  return code !== "SCORER_SHED" && code !== "SCORER_UNAVAILABLE" && code !== "SCORER_EJECTED";
}
