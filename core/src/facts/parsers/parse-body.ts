import type { BodyShape } from "../body-shape.ts";
import { type BodyFault, opaqueTop, readTop, type ValueForm } from "../body-top.ts";
import { parseJson } from "../parse-json.ts";
import type { ParsedBody } from "../parser.ts";
import { readPlainPrompt } from "../plain-prompt.ts";
import { type BodyMembers, isRecord, noPrompt, type Prompt, promptFault } from "../prompt.ts";
import { scanBody } from "../scan-body.ts";

/** What is told of a body that nobody looks into. */
export const opaqueParse: ParsedBody = { kind: "ok", top: opaqueTop, prompt: noPrompt };

/**
 * Reads a body with its prompt: it is scanned where the prompt may stand in it as it is, else parsed, and not both but
 * where the scan has the better words for what is wrong.
 * @param read reads the prompt out of the parsed body; may throw.
 */
export function parseBody(
  chunks: readonly Uint8Array[],
  shape: BodyShape,
  read: (body: BodyMembers) => Prompt,
): ParsedBody | BodyFault {
  return (shape.textMember === "" ? undefined : readPlain(chunks, shape)) ?? parseWhole(chunks, shape, read);
}

function readPlain(chunks: readonly Uint8Array[], shape: BodyShape): ParsedBody | BodyFault | undefined {
  const scan = scanBody(chunks, shape);
  if (scan.kind === "fault") return scan;
  const prompt = readPlainPrompt(chunks, scan);
  return prompt && { kind: "ok", top: scan.top, prompt };
}

function parseWhole(
  chunks: readonly Uint8Array[],
  shape: BodyShape,
  read: (body: BodyMembers) => Prompt,
): ParsedBody | BodyFault {
  const json = parseJson(chunks);
  if (json.kind === "fault" || !isRecord(json.value)) {
    const scan = scanBody(chunks, shape);
    if (scan.kind === "fault") return scan;
    return { kind: "ok", top: scan.top, prompt: unreadable(json.kind === "fault" ? json.message : "it is no object") };
  }
  const body = json.value;
  const top = readTop(shape, { form: (key) => formOf(body[key]), value: (key) => body[key] ?? null });
  return top.kind === "fault" ? top : { kind: "ok", top, prompt: readSafely(body, read) };
}

function readSafely(body: BodyMembers, read: (body: BodyMembers) => Prompt): Prompt {
  try {
    return read(body);
  } catch (cause) {
    return unreadable(cause instanceof Error ? cause.message : String(cause));
  }
}

function unreadable(why: string): Prompt {
  return promptFault(`request body cannot be read: ${why}`);
}

function formOf(value: unknown): ValueForm {
  if (value === undefined || value === null) return "nothing";
  if (typeof value === "string") return value === "" ? "empty" : "text";
  if (!Array.isArray(value)) return "other";
  return value.length > 0 ? "list" : "empty";
}
