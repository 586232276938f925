import type { Readable } from "node:stream";
import { stripVTControlCharacters } from "node:util";
import type { CycleClock } from "@outrider/core";
import type { Logger } from "pino";

/** What {@link relogOutput} needs to know. */
export interface RelogOptions {
  /** Logger of the process; each line becomes one record. */
  readonly log: Logger;
  /** Which of the child's streams it is; a field of every record. */
  readonly stream: "stdout" | "stderr";
  readonly clock: CycleClock;
  /** Told of output that was not logged, in bytes. */
  readonly dropped: (bytes: number) => void;
}

const longestLineBytes = 4096;
const burstLines = 500;
const linesPerMs = 0.2;
const windowMs = 100;
const windowBytes = 1024 * 1024;

/**
 * Logs a child's output line by line. More than 200 lines a second are dropped and counted, long lines are cut, control
 * characters replaced; a child that writes more than 10 MiB/s is slowed down by not being read.
 */
export function relogOutput(stream: Readable, options: RelogOptions): void {
  const relog = new OutputRelog(stream, options);
  stream.on("data", (chunk: Buffer) => relog.take(chunk));
  stream.on("end", () => relog.end());
  stream.on("error", () => relog.end());
}

class OutputRelog {
  readonly #stream: Readable;
  readonly #options: RelogOptions;
  #partial: Buffer[] = [];
  #partialBytes = 0;
  #skipping = false;
  #tokens = burstLines;
  #filledAtMs: number;
  #droppedBytes = 0;
  #windowEndsAtMs = 0;
  #windowBytes = 0;

  constructor(stream: Readable, options: RelogOptions) {
    this.#stream = stream;
    this.#options = options;
    this.#filledAtMs = options.clock.elapsedMs();
  }

  take(chunk: Buffer): void {
    this.#throttle(chunk.length);
    this.#refill();
    if (this.#tokens < 1) this.#drop(chunk);
    else this.#split(chunk);
  }

  end(): void {
    if (this.#partialBytes > 0 && this.#tokens >= 1) this.#write();
    this.#reportDrops();
  }

  #split(chunk: Buffer): void {
    let start = 0;
    while (start < chunk.length) {
      if (this.#tokens < 1) {
        this.#drop(chunk.subarray(start));
        return;
      }
      const newline = chunk.indexOf(10, start);
      const stop = newline === -1 ? chunk.length : newline;
      if (!this.#skipping) this.#keep(chunk.subarray(start, stop));
      if (newline !== -1) this.#endLine();
      start = stop + 1;
    }
  }

  /** Copies: a view would hold the whole read buffer for as long as the line is unfinished. */
  #keep(part: Buffer): void {
    const room = longestLineBytes - this.#partialBytes;
    if (room > 0 && part.length > 0) this.#partial.push(Buffer.from(part.subarray(0, room)));
    this.#partialBytes += part.length;
  }

  #endLine(): void {
    if (!this.#skipping && this.#partialBytes > 0) this.#write();
    this.#skipping = false;
  }

  #write(): void {
    this.#reportDrops();
    this.#tokens -= 1;
    const cutBytes = this.#partialBytes - longestLineBytes;
    const line = cleanLine(Buffer.concat(this.#partial));
    if (cutBytes > 0) this.#options.dropped(cutBytes);
    const text = cutBytes > 0 ? `${line}… (${cutBytes} bytes cut)` : line;
    this.#options.log.info({ stream: this.#options.stream }, text);
    this.#forgetPartial();
  }

  #drop(part: Buffer): void {
    this.#droppedBytes += part.length + this.#partialBytes;
    this.#options.dropped(part.length + this.#partialBytes);
    this.#forgetPartial();
    this.#skipping = part[part.length - 1] !== 10;
  }

  #reportDrops(): void {
    if (this.#droppedBytes === 0) return;
    const { log, stream } = this.#options;
    log.warn({ stream, droppedBytes: this.#droppedBytes }, "output dropped: the plugin writes too much");
    this.#droppedBytes = 0;
  }

  #forgetPartial(): void {
    this.#partial = [];
    this.#partialBytes = 0;
  }

  #refill(): void {
    const nowMs = this.#options.clock.elapsedMs();
    this.#tokens = Math.min(burstLines, this.#tokens + (nowMs - this.#filledAtMs) * linesPerMs);
    this.#filledAtMs = nowMs;
  }

  #throttle(bytes: number): void {
    const { clock } = this.#options;
    const nowMs = clock.elapsedMs();
    if (nowMs >= this.#windowEndsAtMs) {
      this.#windowEndsAtMs = nowMs + windowMs;
      this.#windowBytes = 0;
    }
    this.#windowBytes += bytes;
    if (this.#windowBytes <= windowBytes || this.#stream.isPaused()) return;
    this.#stream.pause();
    clock.after(this.#windowEndsAtMs - nowMs, () => this.#stream.resume());
  }
}

/** All but the tab. */
const controlCharacters = /[^\P{Cc}\t]/gu;

function cleanLine(bytes: Buffer): string {
  const text = bytes.toString("utf8");
  const unterminated = text.endsWith("\r") ? text.slice(0, -1) : text;
  return stripVTControlCharacters(unterminated).replace(controlCharacters, "\ufffd");
}
