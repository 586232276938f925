/** What a published run of a fleet of real model servers showed at one rate. */
export interface PublishedRun {
  /** Requests a second. */
  readonly rate: number;
  /** How long they arrived, in s. */
  readonly forS: number;
  /** Output tokens a second, drain included. */
  readonly outputTokensPerSecond: number;
  /** Mean TTFT, in ms. */
  readonly ttftMs: number;
}

/** Source: llm-d/llm-d, guides/optimized-baseline/README.md; stages: llm-d/llm-d-benchmark, guide_optimized-baseline_1. */
export const publishedLadder: Readonly<Record<"round-robin" | "prefix-load", readonly PublishedRun[]>> = {
  "round-robin": [
    { rate: 3, forS: 20, outputTokensPerSecond: 1797, ttftMs: 415 },
    { rate: 10, forS: 20, outputTokensPerSecond: 4215, ttftMs: 630 },
    { rate: 15, forS: 20, outputTokensPerSecond: 5381, ttftMs: 881 },
    { rate: 20, forS: 38, outputTokensPerSecond: 6205, ttftMs: 18_100 },
    { rate: 30, forS: 25, outputTokensPerSecond: 5702, ttftMs: 24_600 },
    { rate: 40, forS: 38, outputTokensPerSecond: 6336, ttftMs: 68_700 },
    { rate: 60, forS: 25, outputTokensPerSecond: 6551, ttftMs: 75_600 },
  ],
  "prefix-load": [
    { rate: 3, forS: 20, outputTokensPerSecond: 1777, ttftMs: 133 },
    { rate: 10, forS: 20, outputTokensPerSecond: 5066, ttftMs: 125 },
    { rate: 15, forS: 20, outputTokensPerSecond: 7053, ttftMs: 122 },
    { rate: 20, forS: 38, outputTokensPerSecond: 11_688, ttftMs: 174 },
    { rate: 30, forS: 25, outputTokensPerSecond: 13_862, ttftMs: 117 },
    { rate: 40, forS: 38, outputTokensPerSecond: 16_041, ttftMs: 153 },
    { rate: 60, forS: 25, outputTokensPerSecond: 17_064, ttftMs: 154 },
  ],
};
