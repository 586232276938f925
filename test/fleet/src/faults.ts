/** Ways a `/metrics` page can be wrong. */
export const metricsFaults = ["html", "huge", "half-line", "nan", "hang", "error"] as const;

/** One of these ways: a page of HTML; 100 MB; a page cut within a line; `NaN` for every gauge; no answer; status 500. */
export type MetricsFault = (typeof metricsFaults)[number];

/** What is wrong with one server, all at once; what is left out is well. */
export interface ServerFaults {
  /** Leaves as a pod does: refuses connections, finishes what it has, and closes its connections after. */
  readonly leave?: boolean;
  /** The engine stands still: requests are taken and nothing is answered, nor what was running, until it is well. */
  readonly hang?: boolean;
  /** Share of inference requests answered with status 500, in [0, 1]; exact over any run of requests. */
  readonly errorShare?: number;
  /** Factor on the time of every step, above 0. */
  readonly slowFactor?: number;
  /** What `/metrics` answers instead of its page. */
  readonly metrics?: MetricsFault;
  /** The connection of a streamed answer is reset after so many tokens; 0: before its headers. */
  readonly resetAfterTokens?: number;
  /** Inference answers carry trailers. */
  readonly trailers?: boolean;
}

/**
 * Types what came from outside.
 * @throws {TypeError} that names the first member at fault.
 */
export function parseServerFaults(value: unknown): ServerFaults {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new TypeError("faults must be an object");
  for (const [name, member] of Object.entries(value)) {
    if (!Object.hasOwn(checks, name))
      throw new TypeError(`unknown fault "${name}": it is none of ${Object.keys(checks).join(", ")}`);
    if (!checks[name as keyof ServerFaults](member)) {
      throw new TypeError(`fault "${name}" cannot be ${JSON.stringify(member)}`);
    }
  }
  return value;
}

const checks: { readonly [Name in keyof Required<ServerFaults>]: (value: unknown) => boolean } = {
  leave: isBoolean,
  hang: isBoolean,
  errorShare: (value) => isNumber(value) && value >= 0 && value <= 1,
  slowFactor: (value) => isNumber(value) && value > 0,
  metrics: (value) => (metricsFaults as readonly unknown[]).includes(value),
  resetAfterTokens: (value) => isNumber(value) && value >= 0,
  trailers: isBoolean,
};

function isBoolean(value: unknown): boolean {
  return typeof value === "boolean";
}

function isNumber(value: unknown): value is number {
  return Number.isFinite(value);
}
