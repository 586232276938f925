const from = (bounds: readonly number[]) => Float64Array.from(bounds);

const secondsToTokens = [
  ...[0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6],
  ...[8, 10, 15, 20, 30, 45, 60, 120],
];
const powersOfTwo = (first: number, last: number) =>
  Array.from({ length: last - first + 1 }, (_, i) => 2 ** (first + i));

/** Upper bounds of the reference EPP's histograms, so that its dashboards and alerts read ours. */
export const bounds = {
  /** Seconds: a whole request, up to an hour. */
  request: from([...secondsToTokens, 180, 240, 300, 360, 480, 600, 900, 1200, 1800, 2700, 3600]),
  /** Seconds. */
  ttft: from(secondsToTokens),
  /** Seconds. */
  tpot: from([
    ...[0.0005, 0.00205, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.125, 0.15, 0.2],
    ...[0.3, 0.4, 0.5, 0.6, 0.8, 1, 2],
  ]),
  /** Seconds. */
  predictedTpot: from([
    ...[0.0005, 0.00205, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.125, 0.15, 0.2],
    ...[0.3, 0.4, 0.5, 0.6, 0.8, 1, 1.5, 2, 3, 4.5, 6, 12, 18, 24, 30, 36, 48, 60, 90, 120, 180, 270, 360],
  ]),
  /** Seconds: a producer's call. */
  prediction: from([0.0001, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5]),
  /** Seconds. */
  itl: from([0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1, 2]),
  /** Seconds. */
  ntpot: from([0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10]),
  /** Seconds: a decision and its parts. */
  decision: from([0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1]),
  /** Bytes: up to 1 GiB. */
  requestBytes: from(powersOfTwo(6, 30)),
  /** Bytes. */
  responseBytes: from([1, ...powersOfTwo(3, 16)]),
  /** Tokens of prompts. */
  inputTokens: from([1, ...powersOfTwo(3, 20)]),
  /** Tokens of answers. */
  outputTokens: from([1, ...powersOfTwo(3, 13)]),
  /** Shares. */
  ratio: from([0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1]),
  /** Bytes of prompts, by tokens of four. */
  prefixBytes: from([0, ...powersOfTwo(4, 16)]),
} as const;
