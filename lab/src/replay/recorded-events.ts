import { readRecording } from "@outrider/host";
import type { Decision, Facts, Header, Record as RecordEntry, Snapshot } from "@outrider/protos/record";
import type { FeedbackEvent } from "@outrider/protos/scorer";
import { FrameLog } from "./frame-log.ts";

/** Why a decision of a recording is not whole. */
export type Broken =
  /** It began, and the recording has no end of it. */
  | "not_concluded"
  /** It was made, and began before the recording did. */
  | "without_beginning";

/** What a recording tells, in its order; a decision is known whole where it begins. */
export type RecordedEvent =
  /** `frames`: what was sent to plugins from here on, as far as the recording is read. */
  | { readonly kind: "header"; readonly header: Header; readonly frames: FrameLog }
  | { readonly kind: "snapshot"; readonly snapshot: Snapshot }
  /** `steps`: how often it went on behind answers that it had waited for. */
  | { readonly kind: "begun"; readonly facts: Facts; readonly decision: Decision; readonly steps: number }
  | { readonly kind: "resumed"; readonly decisionId: string }
  | { readonly kind: "made"; readonly decisionId: string }
  | { readonly kind: "told"; readonly decisionId: string; readonly event: FeedbackEvent }
  | { readonly kind: "broken"; readonly why: Broken };

/** Entries that may stand between the beginning of a decision and its end; decisions take milliseconds. */
const maxBetween = 100_000;

/** A decision whose end is not read yet. */
interface Open {
  decision: Decision | undefined;
  steps: number;
  isLost: boolean;
}

/** An entry that waits until all decisions before it are known whole. */
type Waiting = { readonly entry: RecordEntry["entry"]; readonly open: Open | undefined };

/**
 * Reads a recording in order, and ahead of each decision to its end.
 * @throws {RecordingError} where the file is no recording; {@link Error} of the system where it cannot be read.
 */
export async function* readEvents(path: string): AsyncGenerator<RecordedEvent, void, void> {
  const window = new Window();
  for await (const { entry } of readRecording(path)) {
    window.add(entry);
    yield* window.take();
  }
  window.end();
  yield* window.take();
}

class Window {
  #waiting: Waiting[] = [];
  #at = 0;
  #frames = new FrameLog();
  readonly #open = new Map<string, Open>();

  add(entry: RecordEntry["entry"]): void {
    if (entry.case === "frame") {
      this.#frames.add(entry.value);
      return;
    }
    if (entry.case === "header") this.#begin();
    const open = this.#note(entry);
    this.#waiting.push({ entry, open });
    if (this.#waiting.length - this.#at > maxBetween) this.#giveUp(this.#waiting[this.#at]!);
  }

  /** What is open is lost. */
  end(): void {
    for (const open of this.#open.values()) open.isLost = true;
    this.#open.clear();
  }

  /** What is known by now. */
  *take(): Generator<RecordedEvent, void, void> {
    while (this.#at < this.#waiting.length) {
      const waiting = this.#waiting[this.#at]!;
      const { open } = waiting;
      if (waiting.entry.case === "facts" && open?.decision === undefined && open?.isLost === false) break;
      this.#at += 1;
      const event = toEvent(waiting, this.#frames);
      if (event !== undefined) yield event;
    }
    this.#waiting.splice(0, this.#at);
    this.#at = 0;
  }

  #begin(): void {
    this.end();
    this.#frames = new FrameLog();
  }

  /** @returns the decision that an entry is of, as far as it is open. */
  #note(entry: RecordEntry["entry"]): Open | undefined {
    if (entry.case === "facts") {
      const begun = { decision: undefined, steps: 0, isLost: false };
      this.#open.set(entry.value.decisionId, begun);
      return begun;
    }
    if (entry.case !== "step" && entry.case !== "decision") return undefined;
    const { decisionId } = entry.value;
    const open = this.#open.get(decisionId);
    if (entry.case === "decision") this.#open.delete(decisionId);
    if (open === undefined) return undefined;
    if (entry.case === "step") open.steps += 1;
    else open.decision = entry.value;
    return open;
  }

  #giveUp({ entry, open }: Waiting): void {
    if (entry.case !== "facts" || open === undefined) return;
    open.isLost = true;
    this.#open.delete(entry.value.decisionId);
  }
}

/** @returns `undefined` for what is of no meaning here. */
function toEvent({ entry, open }: Waiting, frames: FrameLog): RecordedEvent | undefined {
  switch (entry.case) {
    case "header":
      return { kind: "header", header: entry.value, frames };
    case "snapshot":
      return { kind: "snapshot", snapshot: entry.value };
    case "facts": {
      const { decision, steps } = open!;
      if (decision === undefined) return { kind: "broken", why: "not_concluded" };
      return { kind: "begun", facts: entry.value, decision, steps };
    }
    case "step":
      return open === undefined ? undefined : { kind: "resumed", decisionId: entry.value.decisionId };
    case "decision":
      if (open === undefined) return { kind: "broken", why: "without_beginning" };
      return { kind: "made", decisionId: entry.value.decisionId };
    case "feedback": {
      const { decisionId, plugin, event } = entry.value;
      return plugin !== "" || event === undefined ? undefined : { kind: "told", decisionId, event };
    }
    case "answer":
    case "frame":
    case undefined:
      return undefined;
  }
}
