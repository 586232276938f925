import { formatDuration } from "@outrider/host";

/** Tells on a terminal, or in a log, how far a simulation is. */
export interface Progress {
  /** @param atMs virtual time. @param ended requests that have ended. */
  readonly show: (atMs: number, ended: number) => void;
  /** Takes the line away, or says where it ended. */
  end(): void;
}

/** Where progress is written to. */
export interface ProgressStream {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

/** Between two lines where nobody can rewrite one, real ms. */
const logIntervalMs = 10_000;

/**
 * @param durationMs virtual time until arrivals end; `Infinity` = it is not known.
 * @param nowMs real time, for how often a line is written.
 */
export function createProgress(
  stream: ProgressStream,
  durationMs: number,
  nowMs: () => number = () => performance.now(),
): Progress {
  const isTerminal = stream.isTTY === true;
  const startMs = nowMs();
  let shownMs = startMs;
  let last: string | undefined;
  return {
    show(atMs, ended) {
      last = describe(atMs, ended, durationMs);
      if (isTerminal) stream.write(`\r\u001b[K${last}`);
      else if (nowMs() - shownMs >= logIntervalMs) {
        shownMs = nowMs();
        stream.write(`${last}\n`);
      }
    },
    end() {
      if (last === undefined) return;
      const took = `${last} in ${formatDuration(Math.round(nowMs() - startMs))}`;
      if (isTerminal) stream.write("\r\u001b[K");
      else if (shownMs > startMs) stream.write(`${took}\n`);
    },
  };
}

function describe(atMs: number, ended: number, durationMs: number): string {
  const share = Number.isFinite(durationMs) ? ` (${Math.min(100, Math.floor((100 * atMs) / durationMs))} %)` : "";
  const seconds = Math.floor(atMs / 1000);
  const time = seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `simulated ${time}${share}, ${ended.toLocaleString("en")} requests ended`;
}
