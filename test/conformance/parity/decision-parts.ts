import type { DecisionRecord, DoneEvent, FeedbackEvent, PluginOutcome } from "@outrider/core";
import type { RecordedEnd } from "./recording.ts";

/** One plugin's part in a decision. */
export interface Part {
  /** Type of the plugin. */
  readonly name: string;
  /** What it brought. */
  readonly outcome: PluginOutcome & ({ readonly scores: Float32Array } | { readonly values: readonly Float32Array[] });
  /** Profile that asked; empty for a producer. */
  readonly profile: string;
}

/** All parts of a decision, in order. */
export function partsOf({ producers, profiles }: DecisionRecord): readonly Part[] {
  return [
    ...producers.map((outcome) => ({ name: outcome.type, outcome, profile: "" })),
    ...profiles.flatMap(({ name, scorers }) =>
      scorers.map((outcome) => ({ name: outcome.type, outcome, profile: name })),
    ),
  ];
}

/** Everything of a decision that a placement could change, a line each. */
export function digest(record: DecisionRecord): readonly string[] {
  const parts = partsOf(record).map(({ name, outcome, profile }) => {
    const why = "error" in outcome ? `${outcome.error.code} ${outcome.error.message}` : outcome.reason;
    const numbers = "scores" in outcome ? bitsOf(outcome.scores) : outcome.values.map(bitsOf).join(" / ");
    const vetoed = "vetoed" in outcome ? String(outcome.vetoed) : "";
    return `${name} ${profile} ${outcome.kind} (${why}) ${numbers} veto ${vetoed}`;
  });
  const profiles = record.profiles.map(({ name, totals, vetoes, picked }) => `${name} ${totals} ${vetoes} ${picked}`);
  return [...parts, ...profiles, `destination ${record.destination}`];
}

/** The 32 bits of each number; an abstention is one, whatever arithmetic it came of. */
function bitsOf(values: Float32Array): string {
  const bits = new Uint32Array(values.slice().buffer);
  return Array.from(bits, (word, i) => (Number.isNaN(values[i]) ? "-" : word.toString(16))).join(" ");
}

/** What one plugin is told of the end of a request. */
export function eventsOf(
  end: RecordedEnd,
  { destination, profiles }: DecisionRecord,
  outcome: Part["outcome"],
  profile: string,
  atMs: number,
): readonly FeedbackEvent[] {
  const slot = destination[0] ?? 0;
  const asking = profiles.find(({ name }) => name === profile);
  const position = asking?.candidates.indexOf(slot) ?? -1;
  const common = { callId: outcome.callId, slot, atMs };
  const tokens = { promptTokens: 100, cachedTokens: 64, outputTokens: end.outputTokens };
  const picked: FeedbackEvent = {
    kind: "picked",
    ...common,
    ownScore: "scores" in outcome ? (outcome.scores[position] ?? Number.NaN) : Number.NaN,
    totalScore: asking?.totals[position] ?? 0,
    fallback: outcome.kind !== "scored",
    promptTokens: 100,
    picks: profiles.map(({ name, picked }) => ({ profile: name, slot: picked[0] ?? 0 })),
  };
  const progress = Array.from({ length: end.chunks }, (_, i): FeedbackEvent => {
    return { kind: "progress", ...common, chunks: i + 1, outputTokens: 10 * i, elapsedMs: 50.7 * i };
  });
  const { cause, ttftUs, e2eMs } = end;
  const counts = { ...tokens, status: 200, ttftUs, e2eMs };
  const done: FeedbackEvent = { kind: "done", ...common, ...counts, cause, ...answerOf(end) };
  return [...(end.isPicked ? [picked, ...progress] : []), done];
}

/** Blocks that an answer of some length adds, where it came whole. */
function answerOf({ cause, outputTokens }: RecordedEnd): Pick<DoneEvent, "blockHashes"> {
  const words = 2 * Math.floor(outputTokens / 64);
  if (cause !== "ok" || words === 0) return {};
  return { blockHashes: Uint32Array.from({ length: words }, (_, word) => Math.imul(outputTokens + word, 0x9e3779b1)) };
}
