/** A place in a text, both from 1; the column counts UTF-16 units, as editors do. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** Something that is wrong or odd in a configuration. */
export interface Fault extends Position {
  /** Path in the configuration, such as `plugins[2].type`; empty for the file as a whole. */
  readonly path: string;
  /** What is wrong, with the offending value. */
  readonly message: string;
  /** What to write instead; empty = nothing better to say. */
  readonly hint: string;
}

/** Keys and indexes from the top of a configuration. */
export type FaultPath = readonly (string | number)[];

/** Most faults that are shown at once; more are counted. */
const shownFaults = 100;

/** A path as people write it: `plugins[2].parameters.tieBreak`. */
export function formatPath(path: FaultPath): string {
  let text = "";
  for (const step of path) {
    if (typeof step === "number") text += `[${step}]`;
    else if (/^[\w-]+$/.test(step)) text += text === "" ? step : `.${step}`;
    else text += `[${quote(step)}]`;
  }
  return text;
}

/** `FILE:LINE:COLUMN path: message (hint)`. */
export function formatFault(file: string, { line, column, path, message, hint }: Fault): string {
  return `${file}:${line}:${column} ${path === "" ? "" : `${path}: `}${message}${hint === "" ? "" : ` (${hint})`}`;
}

/** A line a fault, in the order of the text; those past the hundredth are counted. */
export function formatFaults(file: string, faults: readonly Fault[]): string {
  const lines = faults.slice(0, shownFaults).map((fault) => formatFault(file, fault));
  if (faults.length > shownFaults) lines.push(`${file}: and ${faults.length - shownFaults} more`);
  return lines.join("\n");
}

/** Faults in the order of the text. */
export function sortFaults(faults: readonly Fault[]): readonly Fault[] {
  return faults.toSorted((a, b) => a.line - b.line || a.column - b.column);
}

/** A value from a file as a message shows it: on one line, short, in quotes. */
export function quote(value: string): string {
  const short = value.length > 60 ? `${value.slice(0, 57).toWellFormed()}...` : value;
  return JSON.stringify(short);
}
