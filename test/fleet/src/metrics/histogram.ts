import { toMetricValue } from "./value.ts";

/** One histogram of a metrics page. */
export interface Histogram {
  /** Most bytes that `render` writes. */
  readonly maxBytes: number;
  /** Counts `value`, `times` times (default 1). */
  observe(value: number, times?: number): void;
  /** Writes all its lines to `page` from byte `at`. @returns how many bytes that are. */
  render(page: Buffer, at: number): number;
}

const zero = "0".charCodeAt(0);

/**
 * A histogram that renders like its lines in a page. It keeps its text and overwrites digits, since every scrape of a
 * busy server finds most of its histograms changed.
 * @param lines its `_bucket` lines in order of `le`, then `_count` and `_sum`; the values in them are ignored.
 */
export function createHistogram(lines: readonly string[]): Histogram {
  const heads = lines.map((line) => line.slice(0, line.lastIndexOf(" ") + 1));
  const bounds = Float64Array.from(heads.slice(0, -2), boundOf);
  const counts = new Float64Array(bounds.length);
  const text = createCountText(heads);
  let sum = 0;
  let changed = true;
  return {
    maxBytes: text.maxBytes,
    observe(value, times = 1) {
      let bucket = 0;
      while (value > bounds[bucket]) bucket += 1;
      counts[bucket] += times;
      sum += value * times;
      changed = true;
    },
    render(page, at) {
      if (changed) text.update(counts, sum);
      changed = false;
      return text.copyTo(page, at);
    },
  };
}

/** The lines of a histogram: a cumulative count per bucket, the count of all, the sum. */
function createCountText(heads: readonly string[]) {
  const text = Buffer.alloc(heads.join("").length + heads.length * 32);
  const lastDigits = new Int32Array(heads.length - 1);
  const limits = new Float64Array(heads.length - 1);
  let sumAt = 0;
  let length = 0;

  function layOut(counts: Float64Array): void {
    let at = 0;
    let total = 0;
    for (let i = 0; i < lastDigits.length; i++) {
      total += counts[i] ?? 0;
      at += text.write(`${heads[i]}${total}.0\n`, at, "latin1");
      lastDigits[i] = at - 4;
      limits[i] = 10 ** String(total).length;
    }
    sumAt = at + text.write(heads[heads.length - 1], at, "latin1");
  }

  /** Overwrites digits; false when a number has outgrown its place. */
  function overwrite(counts: Float64Array): boolean {
    let total = 0;
    for (let i = 0; i < lastDigits.length; i++) {
      total += counts[i] ?? 0;
      if (total >= limits[i]) return false;
      for (let at = lastDigits[i], rest = total; rest >= 1; at -= 1) {
        const next = Math.floor(rest / 10);
        text[at] = zero + rest - next * 10;
        rest = next;
      }
    }
    return true;
  }

  return {
    maxBytes: text.length,
    update(counts: Float64Array, sum: number): void {
      if (!overwrite(counts)) layOut(counts);
      length = sumAt + text.write(`${toMetricValue(sum)}\n`, sumAt, "latin1");
    },
    copyTo(page: Buffer, at: number): number {
      return text.copy(page, at, 0, length);
    },
  };
}

function boundOf(head: string): number {
  const bound = /le="([^"]+)"/.exec(head)?.[1];
  if (bound === undefined) throw new Error(`no histogram bucket: ${head}`);
  return bound === "+Inf" ? Number.POSITIVE_INFINITY : Number(bound);
}
