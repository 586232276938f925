/** A pool of modelled engines under load, and what changes in it. */
export interface Scenario {
  /** Engines, such as `qwen3-32b:h100:2`, an endpoint each. */
  readonly engines: readonly string[];
  /** Mean arrivals a second; the rate itself swings by half to either side. */
  readonly ratePerS: number;
  /** Requests in all. */
  readonly requests: number;
  readonly seed: number;
  /** Where requests go: of two endpoints drawn at random the one with less in flight, or the one that is to be fastest. */
  readonly pick: "two" | "fastest";
  /** From a request on each engine takes that many times as long; in order. Default: none does. */
  readonly changes?: readonly { readonly atRequest: number; readonly slowdowns: readonly number[] }[];
}

/** One request: what it turned out to take, and what was said of it when it was sent. */
export interface Outcome {
  readonly slot: number;
  readonly ttftMs: number;
  readonly tpotMs: number;
  /** Predictions; `NaN` = none. */
  readonly ttft: number;
  readonly ttftP90: number;
  readonly tpot: number;
  readonly tpotP90: number;
  /** Mean TTFT of all before it at this endpoint; `NaN` for the first. */
  readonly runningMean: number;
}

/** How good predictions were over some requests. */
export interface Accuracy {
  /** Mean absolute error of TTFT, in ms, and the same of the running mean. */
  readonly errorMs: number;
  readonly runningMeanErrorMs: number;
  /** Mean TTFT, in ms. */
  readonly ttftMs: number;
  /** Shares within the 90th percentile. */
  readonly ttftCovered: number;
  readonly tpotCovered: number;
}

/** Rates what was said of requests, all of which must have had a prediction. */
export function rate(outcomes: readonly Outcome[]): Accuracy {
  const mean = (of: (outcome: Outcome) => number) =>
    outcomes.reduce((sum, outcome) => sum + of(outcome), 0) / outcomes.length;
  const streamed = outcomes.filter(({ tpotMs }) => !Number.isNaN(tpotMs));
  return {
    errorMs: mean(({ ttft, ttftMs }) => Math.abs(ttft - ttftMs)),
    runningMeanErrorMs: mean(({ runningMean, ttftMs }) => Math.abs(runningMean - ttftMs)),
    ttftMs: mean(({ ttftMs }) => ttftMs),
    ttftCovered: mean(({ ttftMs, ttftP90 }) => (ttftMs <= ttftP90 ? 1 : 0)),
    tpotCovered: streamed.filter(({ tpotMs, tpotP90 }) => tpotMs <= tpotP90).length / streamed.length,
  };
}
