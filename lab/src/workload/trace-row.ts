import { isMap, quote } from "@outrider/host";

/** A request as a trace has it. */
export interface TraceRow {
  /** Arrival, in ms; only differences count. */
  readonly timestamp: number;
  /** Tokens of the prompt, at least 1. */
  readonly inputTokens: number;
  /** Tokens of the answer, at least 1. */
  readonly outputTokens: number;
  /** An id for each block of the prompt, the last one may be cut, each standing for its block and all before it. */
  readonly blockIds: readonly number[];
}

/** What is wrong with a row. */
export interface RowFault {
  readonly field: string;
  readonly message: string;
  readonly hint: string;
}

/** A row, or the first thing that is wrong with it. */
export type ParsedRow =
  | { readonly kind: "row"; readonly row: TraceRow }
  | { readonly kind: "fault"; readonly fault: RowFault };

const mostTokens = 10_000_000;

/**
 * Reads `{"timestamp": ms, "input_length", "output_length", "hash_ids": [...]}`; other fields are left alone.
 * @param blockTokens tokens that one of `hash_ids` stands for.
 */
export function parseTraceRow(line: string, blockTokens: number): ParsedRow {
  const value = parseJson(line);
  if (!isMap(value)) return fault("", `is no JSON object: ${quote(line)}`, "a row is one object on one line");
  const { timestamp, input_length, output_length, hash_ids } = value;
  const wrong =
    checkNumber("timestamp", timestamp, isTime, "a time in ms from 0") ??
    checkNumber("input_length", input_length, isLength, "a whole number of tokens from 1") ??
    checkNumber("output_length", output_length, isLength, "a whole number of tokens from 1") ??
    checkIds(hash_ids, input_length as number, blockTokens);
  if (wrong !== undefined) return { kind: "fault", fault: wrong };
  const row = {
    timestamp: timestamp as number,
    inputTokens: input_length as number,
    outputTokens: output_length as number,
    blockIds: hash_ids as readonly number[],
  };
  return { kind: "row", row };
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

function isTime(value: number): boolean {
  return Number.isFinite(value) && value >= 0;
}

function isLength(value: number): boolean {
  return Number.isInteger(value) && value >= 1 && value <= mostTokens;
}

function checkNumber(
  field: string,
  value: unknown,
  isRight: (value: number) => boolean,
  wanted: string,
): RowFault | undefined {
  if (value === undefined) return { field, message: "is missing", hint: "" };
  if (typeof value === "number" && isRight(value)) return undefined;
  return { field, message: `must be ${wanted}, is ${quote(JSON.stringify(value))}`, hint: "" };
}

function checkIds(ids: unknown, inputTokens: number, blockTokens: number): RowFault | undefined {
  const field = "hash_ids";
  if (ids === undefined) return { field, message: "is missing", hint: "" };
  if (!Array.isArray(ids)) return { field, message: "must be a list of block ids", hint: "" };
  const bad = ids.findIndex((id) => !Number.isSafeInteger(id) || id < 0);
  if (bad !== -1) {
    return {
      field: `hash_ids[${bad}]`,
      message: `must be a whole number, is ${quote(JSON.stringify(ids[bad]))}`,
      hint: "",
    };
  }
  const wanted = Math.ceil(inputTokens / blockTokens);
  if (ids.length === wanted) return undefined;
  const message = `must have ${wanted} ids for ${inputTokens} tokens in blocks of ${blockTokens}, has ${ids.length}`;
  return { field, message, hint: "blockTokens: of the workload is the size of the trace's blocks" };
}

function fault(field: string, message: string, hint: string): ParsedRow {
  return { kind: "fault", fault: { field, message, hint } };
}
