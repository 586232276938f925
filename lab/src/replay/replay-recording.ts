import type { Log, PluginCatalogue, RawConfig } from "@outrider/host";
import { findLacking } from "./lacking.ts";
import { loadStates } from "./plugin-states.ts";
import { type RecordedEvent, readEvents } from "./recorded-events.ts";
import { ReplayPart } from "./replay-part.ts";
import type { ReplayReport } from "./replay-report.ts";
import { ReplayTally } from "./replay-tally.ts";
import { loadReplayed } from "./replayed-config.ts";

/** How a recording's decisions are made again. */
export interface ReplayOptions {
  /** File. */
  readonly path: string;
  /** Configuration to make them under; `undefined` = the recorded one. */
  readonly config: RawConfig | undefined;
  readonly catalogue: PluginCatalogue;
  /** Differences and moves kept for people, of each. */
  readonly show: number;
  readonly log: Log;
  /** Told now and then how far it is. */
  readonly progress?: (decisions: number) => void;
  /** Ends it early; what it came to so far is reported. */
  readonly signal?: AbortSignal;
}

/** Decisions between two reports of the progress. */
const progressEvery = 100;

/**
 * Makes the decisions of a recording again, in the recorded order, on the recorded endpoint table, with the recorded
 * facts, counts in flight, clock, randomness and feedback between them, by the real cycle and real plugins.
 * @throws {RecordingError} where the file is no recording; {@link ReplayError} where the configuration cannot be used or
 *   a plugin does not run.
 */
export async function replayRecording(options: ReplayOptions): Promise<ReplayReport> {
  const replay = new Replay(options);
  try {
    for await (const event of readEvents(options.path)) {
      if (options.signal?.aborted) break;
      await replay.take(event);
    }
  } finally {
    await replay.end();
  }
  return replay.tally.report();
}

class Replay {
  readonly tally: ReplayTally;
  readonly #options: ReplayOptions;
  #part: ReplayPart | undefined;

  constructor(options: ReplayOptions) {
    this.#options = options;
    this.tally = new ReplayTally(options.show);
  }

  async take(event: RecordedEvent): Promise<void> {
    const part = this.#part;
    switch (event.kind) {
      case "header":
        return this.#open(event);
      case "snapshot":
        return part?.publish(event.snapshot);
      case "begun":
        for (const what of findLacking(part?.granted ?? [], event.facts)) this.tally.lack(what);
        return part?.begin(event.facts, event.decision, event.steps);
      case "resumed":
        return part?.resume(event.decisionId);
      case "made":
        await part?.conclude(event.decisionId);
        if (this.tally.replayed % progressEvery === 0) this.#options.progress?.(this.tally.replayed);
        return;
      case "told":
        return part?.tell(event.decisionId, event.event);
      case "broken":
        return this.tally.skip(event.why);
    }
  }

  async end(): Promise<void> {
    const part = this.#part;
    this.#part = undefined;
    await part?.end();
  }

  /** What follows starts from nothing. */
  async #open({ header, frames }: Extract<RecordedEvent, { kind: "header" }>): Promise<void> {
    await this.end();
    const { config, catalogue, log } = this.#options;
    const replayed = await loadReplayed(header, config, catalogue);
    const states = await loadStates(replayed.config, catalogue);
    this.tally.begin({ header, replayed, states, frames });
    this.#part = await ReplayPart.open({ header, replayed, catalogue, tally: this.tally, log, frames });
    this.tally.usePickers(this.#part.pickers);
  }
}
