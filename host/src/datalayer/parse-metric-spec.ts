import type { SeriesMatch } from "./engine-spec.ts";

/** A family of a metrics page, and labels that its series must have. */
export interface MetricSpec {
  readonly metric: string;
  readonly match: SeriesMatch;
}

const whole = /^\s*([a-zA-Z_:][a-zA-Z0-9_:]*)\s*(?:\{(.*)\})?\s*$/s;
const matcher = /\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s",}=~!{][^\s",}]*))\s*(?:,\s*|$)/y;

/** Reads `name{label=value,…}`; values may be in quotes. `undefined` for anything else, other comparisons included. */
export function parseMetricSpec(text: string): MetricSpec | undefined {
  const [, metric, labels = ""] = whole.exec(text) ?? [];
  if (metric === undefined) return undefined;
  const match: Record<string, string> = {};
  matcher.lastIndex = 0;
  while (matcher.lastIndex < labels.trimEnd().length) {
    const [, name, quoted, bare] = matcher.exec(labels) ?? [];
    if (name === undefined || Object.hasOwn(match, name)) return undefined;
    match[name] = bare ?? quoted!.replaceAll(/\\(.)/g, "$1");
  }
  return { metric, match };
}
