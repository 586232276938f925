import { type Document, LineCounter, parseDocument } from "yaml";
import { type Fault, type FaultPath, formatPath, type Position } from "./faults.ts";
import { type NodeValue, toNodeValue } from "./node-value.ts";

/** A configuration's text as plain data that knows where it stands. */
export interface ConfigDocument {
  /** The text as plain data; `undefined` where it is no YAML. */
  readonly value: unknown;
  /** Faults of the text itself: syntax, what is written twice, what grows without end. */
  readonly faults: readonly Fault[];
  /** Whether {@link value} may be checked further. */
  readonly usable: boolean;
  /** Place of a path's value, or of its key; of the nearest thing around it where the text has no such path. */
  locate(path: FaultPath, part: "key" | "value"): Position;
  /** The parsed text, for those who edit it. */
  readonly yaml: Document;
}

/** Reads YAML, of which JSON is a part. Never throws. */
export function readDocument(text: string): ConfigDocument {
  const lines = new LineCounter();
  const yaml = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: false });
  const faults: Fault[] = [];
  const report = (path: FaultPath, offset: number, message: string, hint: string) =>
    faults.push({ ...toPosition(lines, offset), path: formatPath(path), message, hint });
  for (const { pos, message } of firstCauses(yaml)) report([], pos[0], ...toMessage(message));
  const usable = faults.length === 0;
  const value = usable ? toNodeValue(yaml, report) : undefined;
  return {
    value: value?.value,
    faults,
    usable: value !== undefined,
    locate: (path, part) => toPosition(lines, value === undefined ? 0 : offsetIn(value, path, part)),
    yaml,
  };
}

/** Complaints of the parser that are kept: what is no YAML at all has one a byte. */
const mostCauses = 1_000;

/** What the parser complains of; what follows from a text nested too deeply is left out. */
function firstCauses({ errors, warnings }: Document): readonly { pos: [number, number]; message: string }[] {
  const tooDeep = errors.find(({ message }) => isTooDeep(message));
  return tooDeep === undefined ? [...errors, ...warnings].slice(0, mostCauses) : [tooDeep];
}

function isTooDeep(message: string): boolean {
  return /call stack|stack overflow/i.test(message);
}

function toPosition(lines: LineCounter, offset: number): Position {
  const { line, col } = lines.linePos(offset);
  return line === 0 ? { line: 1, column: 1 } : { line, column: col };
}

function offsetIn({ value, origins, start }: NodeValue, path: FaultPath, part: "key" | "value"): number {
  let offset = start;
  let current = value;
  for (const [i, step] of path.entries()) {
    const entry = typeof current === "object" && current !== null && origins.get(current)?.entries.get(step);
    if (!entry) return offset;
    offset = i === path.length - 1 ? entry[part] : entry.value;
    current = (current as Record<string | number, unknown>)[step];
  }
  return offset;
}

/** The parser's message in our form, with what to do about the common ones. */
function toMessage(message: string): [message: string, hint: string] {
  if (isTooDeep(message)) return ["is nested too deeply", ""];
  if (message.includes("multiple documents")) return ["holds several documents", "keep one, without further --- lines"];
  if (message.startsWith("Unresolved tag"))
    return [`has a tag that means nothing here: ${message.slice(16)}`, "remove it"];
  const [first = ""] = message.split("\n");
  const text = `is not YAML: ${first.slice(0, 1).toLowerCase()}${first.slice(1, 160)}`;
  return [text, /tabs/i.test(first) ? "indent with spaces" : ""];
}
