import type { OutcomeKind } from "../contract/index.ts";

/** How values are spread; quantiles within 0.2 %, mean, least and largest exact. All `null` where nothing was counted. */
export interface Distribution {
  /** Values counted. */
  readonly count: number;
  readonly mean: number | null;
  readonly min: number | null;
  readonly max: number | null;
  readonly p50: number | null;
  readonly p90: number | null;
  readonly p95: number | null;
  readonly p99: number | null;
  readonly p999: number | null;
  /** Values at 0, 1, … 100 % of what was counted; empty where nothing was. */
  readonly curve: readonly number[];
}

/** What was brought about in the measured time, see {@link RunSummary.measured}; `null` where that is no time. */
export interface Throughput {
  /** Requests answered whole. */
  readonly requestsPerSecond: number | null;
  /** Output tokens of requests answered whole. */
  readonly outputTokensPerSecond: number | null;
  /** Prompt and output tokens of requests answered whole. */
  readonly totalTokensPerSecond: number | null;
  /** Output tokens that clients got, also of requests that were not answered whole. */
  readonly anyOutputTokensPerSecond: number | null;
  /** Requests that met all their targets; `null` also where none had a target. */
  readonly goodputRequestsPerSecond: number | null;
}

/** Prompt tokens found in prefix caches, by requests that got a first token, and what was believed of it. */
export interface CacheSummary {
  readonly promptTokens: number;
  /** Of these, tokens that model servers found in their caches. */
  readonly cachedTokens: number;
  /** `cachedTokens` as a share of `promptTokens`, in [0, 1]. */
  readonly hitRate: number | null;
  /** Share of these requests for which somebody said what was cached, in [0, 1]. */
  readonly believedShare: number | null;
  /** Of those: tokens believed to be cached as a share of their prompt tokens. */
  readonly believedHitRate: number | null;
  /** Of those: what was truly cached as a share of their prompt tokens. */
  readonly hitRateWhereBelieved: number | null;
  /** Of those: how far belief and truth are apart per request, summed, as a share of their prompt tokens. */
  readonly believedError: number | null;
}

/** Requests that met their TTFT and TPOT targets. What has no target is in none of the counts. */
export interface SloSummary {
  /** Met all targets that it had, answered whole. */
  readonly met: number;
  /** Missed one, or was not answered whole though its client waited. */
  readonly missed: number;
  /** Its client left before it could be told. */
  readonly unjudged: number;
  /** `met ÷ (met + missed)`, in [0, 1]; `null` where nothing was judged. */
  readonly attainment: number | null;
}

/** Figures of a set of requests; times in ms of virtual time. */
export interface Measures {
  /** Requests that ended. */
  readonly requests: number;
  readonly outcomes: Readonly<Record<OutcomeKind, number>>;
  /** By HTTP status that the client saw; 0 = none. */
  readonly statuses: Readonly<Record<string, number>>;
  /** Answered whole ÷ all but those whose client gave up by itself, in [0, 1]. */
  readonly successShare: number | null;
  readonly throughput: Throughput;
  /** Of requests answered whole, as all distributions but `decisionMs`. */
  readonly ttftMs: Distribution;
  /** Mean gap of each request; those of one token have none. */
  readonly tpotMs: Distribution;
  /** Over all gaps, each taken as its request's mean gap: the mean is exact, quantiles hide what varies in a request. */
  readonly itlMs: Distribution;
  /** Sent to end, per output token. */
  readonly normalisedMs: Distribution;
  /** Sent to end. */
  readonly endToEndMs: Distribution;
  /** Decision's start to pick, of all requests that have one. */
  readonly decisionMs: Distribution;
  readonly cache: CacheSummary;
  readonly slo: SloSummary;
}

/** The run over time, warm-up included; slot i covers [i, i + 1) · `intervalMs`. Columns are equally long. */
export interface Timeline {
  readonly intervalMs: number;
  /** Requests by when they were sent. */
  readonly sent: readonly number[];
  /** Requests answered whole, by when they ended. */
  readonly ok: readonly number[];
  /** Requests that ended otherwise. */
  readonly notOk: readonly number[];
  /** Output tokens a second, counted where their request ended. */
  readonly outputTokensPerSecond: readonly number[];
  /** Mean TTFT by when the request was sent; `null` = none. */
  readonly ttftMs: readonly (number | null)[];
}

/** One server: what it was sent, and its load over time by samples; see {@link RunSummary.loadIntervalMs}. */
export interface ServerSummary {
  readonly name: string;
  /** Requests sent to it, as all figures without the warm-up. */
  readonly requests: number;
  readonly ok: number;
  readonly outputTokens: number;
  /** Share of prompt tokens that it found in its cache. */
  readonly hitRate: number | null;
  /** Mean of the samples in each slot, warm-up included; `null` = no sample. */
  readonly running: readonly (number | null)[];
  /** Mean of the samples in each slot. */
  readonly waiting: readonly (number | null)[];
  /** Largest sample in each slot. */
  readonly waitingMax: readonly (number | null)[];
  /** Mean of the samples in each slot, in [0, 1]. */
  readonly kvUsage: readonly (number | null)[];
}

/** What a run was made of, as far as its results need it to be understood. */
export interface ScenarioFacts {
  readonly name: string;
  readonly seed: number;
  /** File of the configuration, without its folder. */
  readonly configName: string;
  /** SHA-256 of the configuration's text, lower-case hex. */
  readonly configSha256: string;
  readonly configText: string;
  /** Servers of one kind and how many of them, `8 × qwen3-32b:h100:2`. */
  readonly servers: readonly string[];
  /** Settings by name where they are not at their default, as text. */
  readonly settings: Readonly<Record<string, string>>;
}

/**
 * What came of a run: plain JSON, the same for the same scenario and seed wherever and however fast it ran. `null` stands
 * for what is not known.
 */
export interface RunSummary {
  readonly format: "outrider.lab.summary.v1";
  readonly scenario: ScenarioFacts;
  /** Why it was ended before its time; `null` = it was not. */
  readonly cutShort: string | null;
  /** Virtual ms from the start to the end of the last request. */
  readonly endMs: number;
  /** Requests sent, warm-up included. */
  readonly sent: number;
  /** Requests that ended; fewer than `sent` where the run was cut short. */
  readonly ended: number;
  /** Of these, requests of the warm-up: in no figure but `sent`, `ended`, `timeline` and the servers' load. */
  readonly warmUp: number;
  /** Time that rates refer to: first request behind the warm-up sent to last of them ended, so with the drain. */
  readonly measured: { readonly fromMs: number; readonly toMs: number } | null;
  /** Same value = same set of prompts and answers (lengths and content), in any order. Hex. */
  readonly workloadFingerprint: string;
  /** SHA-256 over all picks in order. */
  readonly picksSha256: string;
  readonly all: Measures;
  /** By part of the workload, in the order of first appearance; parts beyond the 32nd are together under `(others)`. */
  readonly parts: Readonly<Record<string, Measures>>;
  readonly timeline: Timeline;
  /** Width of a slot of the servers' load, in ms. */
  readonly loadIntervalMs: number;
  readonly servers: readonly ServerSummary[];
  /** Calls of each plugin by how they ended. */
  readonly plugins: Readonly<Record<string, Readonly<Record<string, number>>>>;
}
