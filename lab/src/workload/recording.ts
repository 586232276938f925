import { join, resolve } from "node:path";
import { OutriderError } from "@outrider/core";
import { RecordingError, readRecording } from "@outrider/host";
import type { Decision, Facts, Record as RecordEntry } from "@outrider/protos/record";
import type { Done } from "@outrider/protos/scorer";
import { z } from "zod";
import type { Arrival, Workload } from "../contract/index.ts";
import type { Part } from "./part.ts";
import { createRecordedRequests } from "./recorded-requests.ts";
import { name } from "./schema-values.ts";

const fields = z.strictObject({
  kind: z.literal("recording"),
  /** Names the part in results; default its kind. */
  name: name.optional(),
  /** File that `outrider record` has written; from the folder of the scenario. */
  file: z.string().min(1, "must not be empty"),
  /** Model that all requests ask for; default those that they had asked for. */
  model: z.string().min(1, "must not be empty").max(256, "must be at most 256 characters long").optional(),
  /** How much faster it is replayed than it was recorded. */
  speed: z.number().gt(0).max(10_000).default(1),
  /** Most requests; default all. */
  limit: z.int().min(1).optional(),
});

/** How a recording is read as a workload. */
interface ReadOptions {
  readonly path: string;
  /** As messages name it. */
  readonly shown: string;
  readonly part: string;
  readonly model?: string | undefined;
  readonly speed: number;
  readonly limit: number;
}

/** Requests of a live host, at their times. */
export const recordingPart = fields.transform(
  ({ kind, model, limit = Number.POSITIVE_INFINITY, ...spec }): Part => ({
    ...spec,
    type: kind,
    kind: "recorded",
    model: model ?? "",
    open: ({ name: part, folder, shownFolder }) => {
      const { file, speed } = spec;
      return readArrivals({
        path: resolve(folder, file),
        shown: join(shownFolder, file),
        part,
        model,
        speed,
        limit,
      });
    },
  }),
);

/** A recording of a live host as a workload, whole and at its own pace. */
export function openRecordingWorkload(path: string): Workload {
  const limit = Number.POSITIVE_INFINITY;
  return { open: () => readArrivals({ path, shown: path, part: "recording", speed: 1, limit }) };
}

/** Requests whose end is waited for: as many as a host has under way. */
const maxWaiting = 200_000;

/** A decision, from its beginning on. */
interface Waiting {
  readonly facts: Facts;
  decision: Decision | undefined;
  done: Done | undefined;
  /** Nothing more is told of it. */
  isOver: boolean;
}

async function* readArrivals(options: ReadOptions): AsyncGenerator<readonly Arrival[], void, void> {
  const queue = new RequestQueue();
  const toArrival = createArrivals(options);
  let left = options.limit;
  for await (const { entry } of entriesOf(options)) {
    queue.take(entry);
    const batch = queue.ready().slice(0, left).map(toArrival);
    left -= batch.length;
    if (batch.length > 0) yield batch;
    if (left === 0) return;
  }
  queue.end();
  yield queue.ready().slice(0, left).map(toArrival);
}

/** @throws {OutriderError} `SCENARIO_INVALID`. */
async function* entriesOf({ path, shown }: ReadOptions): AsyncGenerator<RecordEntry, void, void> {
  try {
    yield* readRecording(path);
  } catch (cause) {
    if (!(cause instanceof Error) || !(cause instanceof RecordingError || "syscall" in cause)) throw cause;
    throw new OutriderError("SCENARIO_INVALID", `${shown} cannot be read: ${cause.message}`, { cause });
  }
}

/** Decisions in the order in which they began, each once its end is known. */
class RequestQueue {
  #waiting: Waiting[] = [];
  readonly #open = new Map<string, Waiting>();

  take(entry: RecordEntry["entry"]): void {
    if (entry.case === "header") this.end();
    else if (entry.case === "facts") this.#begin(entry.value);
    else if (entry.case === "decision") this.#decide(entry.value);
    else if (entry.case === "feedback") {
      const { event } = entry.value.event ?? {};
      if (event?.case === "done") this.#finish(entry.value.decisionId, event.value);
    }
  }

  /** What is under way is not told of any more. */
  end(): void {
    for (const waiting of this.#open.values()) waiting.isOver = true;
    this.#open.clear();
  }

  /** Those at the front that are over; one that was never decided is none. */
  ready(): readonly (Waiting & { readonly decision: Decision })[] {
    const first = this.#waiting.findIndex(({ isOver }) => !isOver);
    const over = this.#waiting.splice(0, first < 0 ? this.#waiting.length : first);
    return over.filter(
      (waiting): waiting is Waiting & { readonly decision: Decision } => waiting.decision !== undefined,
    );
  }

  #begin(facts: Facts): void {
    const waiting = { facts, decision: undefined, done: undefined, isOver: false };
    this.#waiting.push(waiting);
    this.#open.set(facts.decisionId, waiting);
    if (this.#waiting.length > maxWaiting) this.#waiting[0]!.isOver = true;
  }

  #decide(decision: Decision): void {
    const waiting = this.#open.get(decision.decisionId);
    if (waiting === undefined) return;
    waiting.decision = decision;
    if (decision.destination.length === 0) this.#finish(decision.decisionId, undefined);
  }

  #finish(decisionId: string, done: Done | undefined): void {
    const waiting = this.#open.get(decisionId);
    if (waiting === undefined) return;
    waiting.done = done;
    waiting.isOver = true;
    this.#open.delete(decisionId);
  }
}

/** Makes arrivals of decisions, the first one at 0; clocks that were set back are taken for standing still. */
function createArrivals({ part, model, speed }: ReadOptions): (waiting: Waiting & { decision: Decision }) => Arrival {
  const toRequest = createRecordedRequests(part, model);
  let firstMs: number | undefined;
  let lastMs = 0;
  return ({ facts, decision, done }) => {
    firstMs ??= decision.atMs;
    lastMs = Math.max(lastMs, (decision.atMs - firstMs) / speed);
    return { atMs: lastMs, request: toRequest({ facts, decision, done }) };
  };
}
