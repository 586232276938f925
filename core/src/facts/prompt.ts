/** The prompt of a request, as far as its form is known. */
export type Prompt =
  /** Its text is the pieces one behind the other, which are joined only where somebody reads it as one. */
  | { readonly kind: "text"; readonly pieces: readonly string[]; readonly isMultimodal?: boolean }
  /** Text too, as it stands in the body. */
  | { readonly kind: "ascii"; readonly pieces: readonly Uint8Array[] }
  | { readonly kind: "tokens"; readonly tokenIds: Uint32Array; readonly isMultimodal?: boolean }
  /** The body has no prompt where its API has one. */
  | { readonly kind: "none" }
  | { readonly kind: "fault"; readonly message: string };

/** Members of a parsed body. */
export type BodyMembers = Readonly<Record<string, unknown>>;

/** Prompt of a body without one. */
export const noPrompt: Prompt = { kind: "none" };

/**
 * The prompt of a body in chunks; a byte order mark is skipped, what cannot be parsed a fault.
 * @param read reads it out of the parsed body.
 */
export function parsePrompt(chunks: readonly Uint8Array[], read: (body: BodyMembers) => Prompt): Prompt {
  const bytes = chunks.length === 1 ? chunks[0] : Buffer.concat(chunks);
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8");
  try {
    const body: unknown = JSON.parse(text.charCodeAt(0) === 0xfeff ? text.slice(1) : text);
    return isRecord(body) ? read(body) : promptFault("request body is not a JSON object");
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    return promptFault(`request body cannot be read: ${why}`);
  }
}

/** What is wrong with a prompt, for the client. */
export function promptFault(message: string): Prompt {
  return { kind: "fault", message };
}

/** Whether a value is a JSON object. */
export function isRecord(value: unknown): value is BodyMembers {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
