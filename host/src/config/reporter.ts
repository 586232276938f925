import type { ConfigDocument } from "./document.ts";
import { type Fault, type FaultPath, formatPath, sortFaults } from "./faults.ts";

/** Collects what is wrong and what is odd while a configuration is checked. */
export interface Reporter {
  /** The configuration cannot be used. `part`: what of the path is at fault; default its value. */
  fault(path: FaultPath, message: string, hint?: string, part?: "key" | "value"): void;
  /** It can be used, but this is hardly meant. */
  warn(path: FaultPath, message: string, hint?: string, part?: "key" | "value"): void;
  /** It is done so, which is good to know. */
  note(path: FaultPath, message: string, hint?: string): void;
  /** Line on which a path's value stands, for messages that refer to it. */
  lineOf(path: FaultPath): number;
}

/** A reporter and what it was told. */
export interface CollectingReporter extends Reporter {
  /** In the order of the text, the document's own first where they share a place. */
  faults(): readonly Fault[];
  /** In the order of the text. */
  warnings(): readonly Fault[];
  /** In the order of the text. */
  notes(): readonly Fault[];
}

/** @param document gives each path its place and brings its own faults. */
export function createReporter(document: ConfigDocument): CollectingReporter {
  const faults: Fault[] = [...document.faults];
  const warnings: Fault[] = [];
  const notes: Fault[] = [];
  const add =
    (list: Fault[]) =>
    (path: FaultPath, message: string, hint = "", part: "key" | "value" = "value") => {
      const words = { message: toLine(message), hint: toLine(hint) };
      list.push({ ...document.locate(path, part), path: formatPath(path), ...words });
    };
  return {
    fault: add(faults),
    warn: add(warnings),
    note: add(notes),
    lineOf: (path) => document.locate(path, "value").line,
    faults: () => sortFaults(faults),
    warnings: () => sortFaults(warnings),
    notes: () => sortFaults(notes),
  };
}

/** Longest message or hint. */
const longestText = 600;

/** A text as one short line, whatever names out of the file it holds. */
function toLine(text: string): string {
  const line = text.replaceAll(/\p{C}/gu, (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`);
  return line.length > longestText ? `${line.slice(0, longestText).toWellFormed()}...` : line;
}
