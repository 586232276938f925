/** How a member has to be to count as there. `null` never does, an empty text or list only as anything. */
export type MemberForm = "list" | "text or list" | "text" | "anything";

/** What the bodies of one API have at their top level, as far as a scan looks. */
export interface BodyShape {
  /** Members of which one has to be there, in its form; none = a body needs no member. */
  readonly required: Readonly<Record<string, MemberForm>>;
  /** What the client reads where none of them is. */
  readonly refusal: string;
  /** Member that is the prompt as it stands where it is a text; empty = none is. */
  readonly textMember: string;
  /** Members that cap the output, the first that does counts. */
  readonly outputCaps: readonly string[];
  /** Member of `sampling_params` that caps it before those; empty = none. */
  readonly samplingCap: string;
  /** Member that keeps the prefix cache of some requests apart from that of others; empty = none. */
  readonly cacheSalt: string;
}

/** Output caps of the OpenAI APIs. */
const outputCaps: readonly string[] = ["max_completion_tokens", "max_tokens", "max_output_tokens"];

/** A shape with what most APIs share. */
export function defineShape(shape: Pick<BodyShape, "required" | "refusal"> & Partial<BodyShape>): BodyShape {
  return { textMember: "", outputCaps, samplingCap: "", cacheSalt: "cache_salt", ...shape };
}

/** Shape of a body of which only what most APIs share is known. */
export const anyShape: BodyShape = defineShape({ required: {}, refusal: "" });

/** Members of a shape that a scan reads the values of, and all that it notes. */
export interface NotedMembers {
  readonly values: ReadonlySet<string>;
  readonly all: ReadonlySet<string>;
  /** Length of the longest, in bytes, where each character is an escape. */
  readonly longestBytes: number;
}

const LONGEST_ESCAPE = "\\u0000".length;
const known = new WeakMap<BodyShape, NotedMembers>();

/** What a scan notes of a shape. */
export function membersOf(shape: BodyShape): NotedMembers {
  const members = known.get(shape) ?? collect(shape);
  known.set(shape, members);
  return members;
}

function collect({ required, textMember, outputCaps, samplingCap, cacheSalt }: BodyShape): NotedMembers {
  const sampling = samplingCap === "" ? [] : ["sampling_params"];
  const values = new Set(["model", "stream", ...outputCaps, ...sampling, cacheSalt].filter((key) => key !== ""));
  const all = new Set([...values, ...Object.keys(required), textMember].filter((key) => key !== ""));
  const longest = Math.max(...[...all].map((key) => key.length));
  return { values, all, longestBytes: longest * LONGEST_ESCAPE };
}
