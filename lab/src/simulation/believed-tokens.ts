import { type DecisionRecord, type ProducerOutcome, uncachedTokens } from "@outrider/core";

/** Scorers whose score is the share of the prompt that they believe to be cached. */
const shareScorers: ReadonlySet<string> = new Set(["prefix-cache", "prefix-cache-scorer"]);

/** Where a producer's values are told by their keys. */
export type ValuesOf = (producer: ProducerOutcome, key: string) => Float32Array | undefined;

/**
 * Prompt tokens that a decision believed to be cached at an endpoint, as producers say, else as scorers of prefixes do;
 * `NaN` = nobody said.
 */
export function believedTokens(record: DecisionRecord, slot: number, valuesOf: ValuesOf): number {
  const { promptTokens } = record.facts;
  const at = record.candidates.indexOf(slot);
  for (const producer of record.producers) {
    const matched = valuesOf(producer, "data.prefix_match_blocks")?.[at] ?? Number.NaN;
    const total = valuesOf(producer, "data.prefix_total_blocks")?.[at] ?? Number.NaN;
    if (!Number.isNaN(matched)) return promptTokens - uncachedTokens(promptTokens, matched, total);
  }
  for (const { candidates, scorers } of record.profiles) {
    const position = candidates.indexOf(slot);
    for (const { type, scores } of scorers) {
      const share = shareScorers.has(type) ? (scores[position] ?? Number.NaN) : Number.NaN;
      if (!Number.isNaN(share)) return promptTokens * share;
    }
  }
  return Number.NaN;
}
