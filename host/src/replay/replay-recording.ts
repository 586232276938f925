import type { Record as RecordEntry } from "@outrider/protos/record";
import type { Cast } from "./cast.ts";
import { readRecording } from "./read-recording.ts";
import { RecordedProcess } from "./recorded-process.ts";
import { type ReplayReport, ReplayTally } from "./replay-report.ts";

/** How a recording is replayed. */
export interface ReplayOptions {
  /** File. */
  readonly path: string;
  readonly cast: Cast;
  /** Only frames of these processes; empty = all. */
  readonly processes: readonly string[];
  /** Differences kept for people, of each kind. */
  readonly show: number;
  /** Told now and then how far it is. */
  readonly progress?: (frames: number, calls: number) => void;
}

/** Frames between two reports of the progress. */
const progressEvery = 50;

/**
 * Puts the recorded calls to plugins that run in all placements of the cast, in the recorded order with the recorded
 * state and feedback between them, and compares the answers with each other and with the recorded ones.
 * @throws {RecordingError} where the file is no recording; {@link CastError} where a plugin does not run.
 */
export async function replayRecording(options: ReplayOptions): Promise<ReplayReport> {
  const replay = new Replay(options);
  try {
    for await (const record of readRecording(options.path)) await replay.take(record);
    return replay.tally.report();
  } finally {
    await replay.end();
  }
}

class Replay {
  readonly tally: ReplayTally;
  readonly #options: ReplayOptions;
  readonly #processes = new Map<string, RecordedProcess>();
  readonly #wanted: ReadonlySet<string>;
  #startedAtMs = 0;

  constructor(options: ReplayOptions) {
    this.#options = options;
    this.#wanted = new Set(options.processes);
    this.tally = new ReplayTally(options.cast.placements, options.show);
  }

  async take({ entry }: RecordEntry): Promise<void> {
    const { tally } = this;
    if (entry.case === "header") {
      tally.hostVersion = entry.value.hostVersion;
      this.#startedAtMs = entry.value.atMs;
      await this.end();
    } else if (entry.case !== "frame") {
      tally.skipped.otherEntries += 1;
    } else if (this.#wanted.size === 0 || this.#wanted.has(entry.value.process)) {
      tally.frames += 1;
      if (tally.frames % progressEvery === 0) this.#options.progress?.(tally.frames, tally.calls);
      await this.#processOf(entry.value).take(entry.value);
    }
  }

  /** What follows starts from nothing. */
  async end(): Promise<void> {
    const processes = [...this.#processes.values()];
    this.#processes.clear();
    await Promise.all(processes.map((process) => process.end()));
  }

  #processOf({ process, generation }: { readonly process: string; readonly generation: number }): RecordedProcess {
    const key = `${generation} ${process}`;
    let known = this.#processes.get(key);
    if (known === undefined) {
      const context = { cast: this.#options.cast, tally: this.tally, startedAtMs: this.#startedAtMs };
      known = new RecordedProcess(process, generation, context);
      this.#processes.set(key, known);
    }
    return known;
  }
}
