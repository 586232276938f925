import { type FSWatcher, watch } from "node:fs";
import { dirname } from "node:path";
import type { CycleClock } from "@outrider/core";

/** What a file held when it was looked at. */
export type FileContent =
  | { readonly kind: "bytes"; readonly bytes: Uint8Array }
  | { readonly kind: "unreadable"; readonly cause: unknown };

/** What is watched, and who is told. */
export interface WatchOptions {
  readonly path: string;
  readonly clock: CycleClock;
  /** What it held when somebody read it before; default nobody has, and its first content is told. */
  readonly known?: Uint8Array;
  /** Reads the file, at most as much of it as anybody wants. @throws the file system's error. */
  read(): Promise<Uint8Array>;
  /** The file holds something else than was told last, or can no longer be read. */
  changed(content: FileContent): void;
}

/** Between the looks that have to agree: who writes is given time to write all. */
const settleMs = 50;
/** The same for a file that is empty or gone: somebody is about to write it. */
const patienceMs = 1_000;
/** Between two looks at a file whose changes nobody tells, such as on a network disk. */
const rescanMs = 5_000;

/**
 * Watches a file by its folder, so that a file that is replaced is noticed too, as editors and Kubernetes do it. A
 * content counts when two looks found it; whatever else happens in the folder delays nothing.
 * @returns what ends it.
 */
export function watchFile(options: WatchOptions): () => void {
  const watched = new WatchedFile(options);
  watched.start();
  return () => watched.stop();
}

class WatchedFile {
  readonly #options: WatchOptions;
  #watcher: FSWatcher | undefined;
  #timer: unknown;
  /** Whether a change may bring the next look forward. */
  #isIdle = false;
  #changedMeanwhile = false;
  #isStopped = false;
  /** Content that was told last. */
  #told: FileContent | undefined;
  /** Content that was found and not told yet, and since when. */
  #found: { readonly content: FileContent; readonly sinceMs: number } | undefined;

  constructor(options: WatchOptions) {
    this.#options = options;
    this.#told = options.known && { kind: "bytes", bytes: options.known };
  }

  start(): void {
    this.#watch();
    void this.#look();
  }

  stop(): void {
    this.#isStopped = true;
    this.#options.clock.cancel(this.#timer);
    this.#watcher?.close();
    this.#watcher = undefined;
  }

  #watch(): void {
    try {
      const watcher = watch(dirname(this.#options.path), () => {
        if (this.#isIdle) this.#arm(settleMs, false);
        else this.#changedMeanwhile = true;
      });
      watcher.on("error", () => {
        watcher.close();
        if (this.#watcher === watcher) this.#watcher = undefined;
      });
      this.#watcher = watcher;
    } catch {
      // A folder that is gone, or cannot be watched, is tried again at the next look.
      this.#watcher = undefined;
    }
  }

  #arm(delayMs: number, isIdle: boolean): void {
    const { clock } = this.#options;
    clock.cancel(this.#timer);
    this.#isIdle = isIdle;
    if (!this.#isStopped) this.#timer = clock.after(delayMs, () => void this.#look());
  }

  async #look(): Promise<void> {
    this.#isIdle = false;
    this.#changedMeanwhile = false;
    if (this.#watcher === undefined) this.#watch();
    const content = await this.#read();
    if (this.#isStopped) return;
    if (isSame(content, this.#told)) {
      this.#found = undefined;
      return this.#changedMeanwhile ? this.#arm(settleMs, false) : this.#arm(rescanMs, true);
    }
    const nowMs = this.#options.clock.elapsedMs();
    if (!isSame(content, this.#found?.content)) this.#found = { content, sinceMs: nowMs };
    else if (nowMs - this.#found!.sinceMs >= (isLikelyPassing(content) ? patienceMs : settleMs)) {
      this.#told = content;
      this.#options.changed(content);
    }
    this.#arm(settleMs, false);
  }

  async #read(): Promise<FileContent> {
    try {
      return { kind: "bytes", bytes: await this.#options.read() };
    } catch (cause) {
      return { kind: "unreadable", cause };
    }
  }
}

function isLikelyPassing(content: FileContent): boolean {
  return content.kind === "unreadable" || content.bytes.length === 0;
}

function isSame(one: FileContent, other: FileContent | undefined): boolean {
  if (one.kind === "bytes") return other?.kind === "bytes" && Buffer.compare(one.bytes, other.bytes) === 0;
  return other?.kind === "unreadable" && codeOf(one.cause) === codeOf(other.cause);
}

function codeOf(cause: unknown): string {
  return (cause as NodeJS.ErrnoException).code ?? String(cause);
}
