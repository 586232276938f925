/** Milliseconds of each unit that a duration may use, as Go writes them. */
const unitMs: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
};

const duration =
  /^\+?(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|μs|ms|s|m|h)(?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))*$/;
const durationPart = /(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g;

/** Milliseconds of a duration as Go writes it, such as `5ms`, `1.5s`, `1m30s` or `0`; `undefined` for anything else. */
export function parseDurationMs(text: string): number | undefined {
  if (text === "0") return 0;
  if (text.length > 64 || !duration.test(text)) return undefined;
  let ms = 0;
  for (const [, count, unit] of text.matchAll(durationPart)) ms += Number(count) * unitMs[unit!]!;
  return ms;
}

/** A duration as people write it: `5ms`, `1.5s`, `400µs`. */
export function formatDuration(ms: number): string {
  if (ms >= 1_000) return `${trim(ms / 1_000)}s`;
  return ms >= 1 || ms === 0 ? `${trim(ms)}ms` : `${trim(ms * 1_000)}µs`;
}

function trim(value: number): string {
  return String(Number(value.toFixed(3)));
}

/** Bytes of each suffix that a size may have, as Kubernetes writes them; `MiB` is `Mi`. */
const suffixBytes: Readonly<Record<string, number>> = {
  "": 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
};

/** Whole bytes of a size such as `10Mi`, `10MiB`, `500k` or `4096`; `undefined` for anything else. */
export function parseSizeBytes(text: string): number | undefined {
  const [, count, decimal, binary] = /^(\d{1,15}(?:\.\d{1,9})?)(?:(k|M|G)|([KMG]i)B?)?$/.exec(text) ?? [];
  if (count === undefined) return undefined;
  const bytes = Number(count) * suffixBytes[decimal ?? binary ?? ""]!;
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}
