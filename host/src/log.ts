import { styleText } from "node:util";
import pino, { type Level, type Logger } from "pino";

/** The host's log: a JSON object a line on stderr, or text where stderr is a terminal. */
export type Log = Logger;

/** Most of the log that waits for a slow reader; lines beyond it are dropped, so that nobody who reads stops a host. */
const waitingBytes = 4 * 1024 * 1024;

/** pino's level for the reference's `-v`: 0 warns, 1 and 2 inform, 3 and 4 debug, from 5 on everything. */
export function toLevel(verbosity: number): Level {
  if (verbosity <= 0) return "warn";
  if (verbosity <= 2) return "info";
  return verbosity <= 4 ? "debug" : "trace";
}

/**
 * Opens the log on stderr. Lines are written behind the event loop's back and flushed when the process exits.
 * @param verbosity as `-v`.
 */
export function createLog(verbosity: number): Log {
  const destination = pino.destination({ dest: 2, sync: false, maxLength: waitingBytes });
  process.on("exit", () => flush(destination));
  const options = { level: toLevel(verbosity), base: null };
  if (!process.stderr.isTTY) return pino(options, destination);
  return pino(options, { write: (line: string) => void destination.write(toText(line)) });
}

/** What is left when the process ends; a reader that is gone is no reason to fail. */
function flush(destination: { flushSync(): void }): void {
  try {
    destination.flushSync();
  } catch {
    // stderr is closed: nobody is there to tell.
  }
}

const names: Readonly<Record<number, string>> = {
  10: styleText("dim", "trace"),
  20: styleText("dim", "debug"),
  30: styleText("green", "info "),
  40: styleText("yellow", "warn "),
  50: styleText("red", "error"),
  60: styleText("red", "fatal"),
};

/** A line of the log as people read it: time, level, message, then the other fields. */
export function toText(line: string): string {
  const { time, level, msg, err, ...fields } = JSON.parse(line) as LogLine;
  const clock = new Date(time).toISOString().slice(11, 23);
  const details = Object.entries(fields).map(([key, value]) => `${key}=${toPlain(value)}`);
  const head = [styleText("dim", clock), names[level] ?? String(level), msg ?? "", ...details].join(" ");
  const trace = err === undefined ? "" : `\n${err.stack ?? err.message ?? ""}`;
  return `${head}${trace}\n`;
}

/** The fields of a line that every one may have. */
interface LogLine {
  readonly time: number;
  readonly level: number;
  readonly msg?: string;
  readonly err?: { readonly stack?: string; readonly message?: string };
  readonly [field: string]: unknown;
}

function toPlain(value: unknown): string {
  return typeof value === "string" && !/\s/.test(value) ? value : JSON.stringify(value);
}
