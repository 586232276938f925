import { quantileError } from "./histogram.ts";
import type { RunSummary } from "./types.ts";

/** A figure of a run by which policies are compared. */
export interface Metric {
  /** Names it in files and ids, `ttft-mean`. */
  readonly id: string;
  /** As it is told, `TTFT, mean`. */
  readonly title: string;
  /** `ms`, `tokens/s`, `requests/s`; `share` = a fraction in [0, 1]. */
  readonly unit: string;
  /** How far it may be off by the way it is counted, as a share of it: quantiles are; 0 = not at all. */
  readonly error: number;
  /** Which way is an improvement. */
  readonly better: "higher" | "lower";
  /** From which requests it comes, and what is to be known of it. */
  readonly about: string;
  /** @returns `null` where the run does not tell. */
  readonly of: (summary: RunSummary) => number | null;
}

const whole = "of requests answered whole";

/** Figures of a run in the order in which they are shown. */
export const metrics: readonly Metric[] = [
  {
    id: "output-throughput",
    title: "Output throughput",
    unit: "tokens/s",
    error: 0,
    better: "higher",
    about: `Output tokens ${whole}, over the time from the first request sent to the last one ended.`,
    of: ({ all }) => all.throughput.outputTokensPerSecond,
  },
  {
    id: "total-throughput",
    title: "Throughput, prompt and output",
    unit: "tokens/s",
    error: 0,
    better: "higher",
    about: `Prompt and output tokens ${whole}, over the same time.`,
    of: ({ all }) => all.throughput.totalTokensPerSecond,
  },
  {
    id: "success",
    title: "Success",
    unit: "share",
    error: 0,
    better: "higher",
    about:
      "Requests answered whole among all but those whose client gave up by itself. The client time-out decides it.",
    of: ({ all }) => all.successShare,
  },
  {
    id: "ttft-mean",
    title: "TTFT, mean",
    unit: "ms",
    error: 0,
    better: "lower",
    about: `Sent to first token, ${whole}.`,
    of: ({ all }) => all.ttftMs.mean,
  },
  {
    id: "ttft-p90",
    title: "TTFT, 90th percentile",
    unit: "ms",
    error: quantileError,
    better: "lower",
    about: `Sent to first token, ${whole}.`,
    of: ({ all }) => all.ttftMs.p90,
  },
  {
    id: "itl-mean",
    title: "ITL, mean",
    unit: "ms",
    error: 0,
    better: "lower",
    about: `Gap between two tokens, over all gaps ${whole}.`,
    of: ({ all }) => all.itlMs.mean,
  },
  {
    id: "tpot-p90",
    title: "TPOT, 90th percentile",
    unit: "ms",
    error: quantileError,
    better: "lower",
    about: `Mean gap of each request, ${whole}.`,
    of: ({ all }) => all.tpotMs.p90,
  },
  {
    id: "normalised-mean",
    title: "Normalised time per output token, mean",
    unit: "ms",
    error: 0,
    better: "lower",
    about: `Sent to end, divided by the output tokens of the request, ${whole}.`,
    of: ({ all }) => all.normalisedMs.mean,
  },
  {
    id: "end-to-end-p90",
    title: "End to end, 90th percentile",
    unit: "ms",
    error: quantileError,
    better: "lower",
    about: `Sent to end, ${whole}.`,
    of: ({ all }) => all.endToEndMs.p90,
  },
  {
    id: "slo-attainment",
    title: "SLO attainment",
    unit: "share",
    error: 0,
    better: "higher",
    about:
      "Requests that met all their targets among those that have some; one that was not answered whole missed them.",
    of: ({ all }) => all.slo.attainment,
  },
  {
    id: "hit-rate",
    title: "Prefix hit rate",
    unit: "share",
    error: 0,
    better: "higher",
    about: "Prompt tokens that model servers found in their prefix caches, of requests that got a first token.",
    of: ({ all }) => all.cache.hitRate,
  },
  {
    id: "busiest-server",
    title: "Requests sent to the busiest server",
    unit: "share",
    error: 0,
    better: "lower",
    about: "Share of the requests that were sent to the server that got most; evenly spread it is 1 ÷ servers.",
    of: ({ servers }) => {
      const counts = servers.map(({ requests }) => requests);
      const sent = counts.reduce((sum, count) => sum + count, 0);
      return sent === 0 ? null : Math.max(...counts) / sent;
    },
  },
  {
    id: "decision-p99",
    title: "Decision, 99th percentile",
    unit: "ms",
    error: quantileError,
    better: "lower",
    about: "Virtual time from a decision's start to its pick; 0 unless latencies of plugins are simulated.",
    of: ({ all }) => all.decisionMs.p99,
  },
];
