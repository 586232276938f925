/** Lengths of prompts that an endpoint is meant for, both ends included. */
export interface TokenRange {
  readonly min: number;
  readonly max: number;
}

/** Label that says so where no other is named. */
export const contextLengthLabel = "llm-d.ai/context-length-range";

/** Reads `MIN-MAX` in whole tokens, blanks around them allowed; `undefined` where it is anything else. */
export function parseTokenRange(text: string): TokenRange | undefined {
  const [, from, to] = /^\s*(\d{1,12})\s*-\s*(\d{1,12})\s*$/.exec(text) ?? [];
  if (from === undefined || to === undefined) return undefined;
  const [min, max] = [Number(from), Number(to)];
  return min <= max ? { min, max } : undefined;
}
