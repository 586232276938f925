/** The prompt of a request, as far as its form is known. */
export type Prompt =
  /** Its text is the pieces one behind the other, which are joined only where somebody reads it as one. */
  | {
      readonly kind: "text";
      readonly pieces: readonly string[];
      readonly isMultimodal?: boolean;
      /** Whether it ends with what an assistant says, so that an answer is no message of its own. */
      readonly endsInAnswer?: boolean;
    }
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

/** What is wrong with a prompt, for the client. */
export function promptFault(message: string): Prompt {
  return { kind: "fault", message };
}

/** Whether a value is a JSON object. */
export function isRecord(value: unknown): value is BodyMembers {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
