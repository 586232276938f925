import { join, resolve } from "node:path";
import { OutriderError } from "@outrider/core";
import { formatFault } from "@outrider/host";
import { z } from "zod";
import { type Arrival, keyBlockTokens } from "../contract/index.ts";
import { recordedKey } from "./content-keys.ts";
import { randomOf } from "./draws.ts";
import { createFrames, drawAbortMs, type Part, type PartContext, partFields, toRequest } from "./part.ts";
import { describeFileError, type Line, LineTooLong, readLines } from "./read-lines.ts";
import { time } from "./schema-values.ts";
import { createSpread } from "./spread.ts";
import { parseTraceRow, type RowFault, type TraceRow } from "./trace-row.ts";

const fields = z.strictObject({
  kind: z.literal("trace"),
  ...partFields,
  /** File of rows in Mooncake's form, a JSON object a line; from the folder of the scenario. */
  file: z.string().min(1, "must not be empty"),
  /** How much faster it is replayed than it was recorded. */
  speed: z.number().gt(0).max(10_000).default(1),
  /** Most rows; default all. */
  limit: z.int().min(1).optional(),
  /** Time over which rows of the same moment are spread evenly, before `speed`; default: they come at once. */
  spread: time("from 0").default(0),
  /** Tokens that one of its block ids stands for. */
  blockTokens: z
    .int()
    .min(keyBlockTokens)
    .max(65_536)
    .multipleOf(keyBlockTokens, `must be a multiple of ${keyBlockTokens}`)
    .default(512),
});

type Spec = z.output<typeof fields>;

/** Requests that a file tells, with the identity of their prefixes. */
export const tracePart = fields.transform(
  (spec): Part => ({ ...spec, type: spec.kind, kind: "recorded", open: (part) => readTrace(spec, part) }),
);

async function* readTrace(spec: Spec, part: PartContext): AsyncGenerator<readonly Arrival[], void, void> {
  const toArrival = arrivalsOf(spec, part);
  const spread = createSpread<Arrival>(spec.spread / spec.speed, ({ request }, atMs) => ({ request, atMs }));
  let left = spec.limit ?? Number.POSITIVE_INFINITY;
  for await (const lines of linesOf(spec, part)) {
    const batch: Arrival[] = [];
    for (const line of lines) {
      if (line.text.trim() === "") continue;
      if (left-- === 0) return yield* nonEmpty([...batch, ...spread.end()]);
      batch.push(...within(spec, part, line.number, () => spread.add(toArrival(line))));
    }
    yield* nonEmpty(batch);
  }
  yield* nonEmpty(spread.end());
}

function nonEmpty(batch: readonly Arrival[]): readonly (readonly Arrival[])[] {
  return batch.length === 0 ? [] : [batch];
}

/** Lines of the trace; what goes wrong with the file itself is a fault of it. */
async function* linesOf(spec: Spec, part: PartContext): AsyncGenerator<readonly Line[], void, void> {
  try {
    yield* readLines(resolve(part.folder, spec.file));
  } catch (cause) {
    if (cause instanceof LineTooLong)
      throw toFault(spec, part, cause.line, { field: "", message: cause.message, hint: "" });
    const message = `cannot be read: ${describeFileError(cause)}`;
    throw toFault(spec, part, 1, { field: "", message, hint: "" }, cause);
  }
}

/** Makes arrivals of lines, one behind the other. */
function arrivalsOf(spec: Spec, part: PartContext): (line: Line) => Arrival {
  const frames = createFrames(spec, part);
  let first: number | undefined;
  let last = 0;
  let count = 0;
  return ({ number, text }) => {
    const parsed = parseTraceRow(text, spec.blockTokens);
    if (parsed.kind === "fault") throw toFault(spec, part, number, parsed.fault);
    const { row } = parsed;
    if (row.timestamp < last) {
      const message = `goes back from ${last} to ${row.timestamp}`;
      throw toFault(spec, part, number, { field: "timestamp", message, hint: "sort the rows by timestamp" });
    }
    last = row.timestamp;
    first ??= row.timestamp;
    const random = randomOf(part.seed, count++);
    const frame = frames(random);
    const { inputTokens: promptTokens, outputTokens } = row;
    const content = { promptTokens, outputTokens, blockKeys: keysOf(row, spec, frame.space), sessionKey: "" };
    return {
      atMs: (row.timestamp - first) / spec.speed,
      request: toRequest(frame, content, drawAbortMs(spec, random)),
    };
  };
}

function keysOf({ inputTokens, blockIds }: TraceRow, { blockTokens }: Spec, space: number): Float64Array {
  const pieces = blockTokens / keyBlockTokens;
  const keys = new Float64Array(Math.floor(inputTokens / keyBlockTokens));
  for (let i = 0; i < keys.length; i++) keys[i] = recordedKey(space, blockIds[Math.floor(i / pieces)]!, i % pieces);
  return keys;
}

/** What an action gives; what it throws of a range is a fault of the row. */
function within<T>(spec: Spec, part: PartContext, line: number, action: () => T): T {
  try {
    return action();
  } catch (cause) {
    if (cause instanceof RangeError) throw toFault(spec, part, line, { field: "", message: cause.message, hint: "" });
    throw cause;
  }
}

function toFault(spec: Spec, part: PartContext, line: number, { field, ...words }: RowFault, cause?: unknown) {
  const file = join(part.shownFolder, spec.file);
  const text = formatFault(file, { line, column: 1, path: field, ...words });
  return new OutriderError("SCENARIO_INVALID", text, cause === undefined ? undefined : { cause });
}
