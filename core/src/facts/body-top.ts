import type { BodyShape, MemberForm } from "./body-shape.ts";

/** What the top level of a request's body tells. */
export interface BodyTop {
  readonly kind: "ok";
  /** Whether nothing was looked at: the body may be anything, and nothing of it is told. */
  readonly isOpaque: boolean;
  /** `model`; empty where there is none. */
  readonly model: string;
  /** `stream`; false where it is no boolean. */
  readonly stream: boolean;
  /** Output cap in tokens, of the first member that has one; 0 where none is a whole number above 0. */
  readonly maxOutputTokens: number;
  /** Keeps the prefix cache apart; empty where it is no string. */
  readonly cacheSalt: string;
}

/** A body that no model server could read either. */
export interface BodyFault {
  readonly kind: "fault";
  /** What is wrong with it, for the client. */
  readonly message: string;
}

/** What is told of a body that nobody looks into. */
export const opaqueTop: BodyTop = {
  kind: "ok",
  isOpaque: true,
  model: "",
  stream: false,
  maxOutputTokens: 0,
  cacheSalt: "",
};

/** What a value looks like from outside: nothing is what is missing or `null`, empty a text or a list. */
export type ValueForm = "text" | "list" | "nothing" | "empty" | "other";

/** Members of a body, however they were found. */
export interface TopMembers {
  form(key: string): ValueForm;
  /** Value of a member; `null` where there is none, `undefined` where it is no JSON. */
  value(key: string): unknown;
}

const MAX_UINT32 = 2 ** 32 - 1;

/** Reads the top level of a body and checks that it has what its API needs. */
export function readTop(shape: BodyShape, { form, value }: TopMembers): BodyTop | BodyFault {
  const required = Object.entries(shape.required);
  if (required.length > 0 && !required.some(([key, wanted]) => isOfForm(form(key), wanted))) {
    return { kind: "fault", message: shape.refusal };
  }
  const named = value("model");
  const model = named === null ? "" : named;
  if (typeof model !== "string") return { kind: "fault", message: "model in request body must be a string" };
  const cacheSalt = value(shape.cacheSalt);
  return {
    kind: "ok",
    isOpaque: false,
    model,
    stream: value("stream") === true,
    maxOutputTokens: readOutputCap(shape, value),
    cacheSalt: typeof cacheSalt === "string" ? cacheSalt : "",
  };
}

function isOfForm(form: ValueForm, wanted: MemberForm): boolean {
  if (wanted === "anything") return form !== "nothing";
  return form === wanted || (wanted === "text or list" && (form === "text" || form === "list"));
}

function readOutputCap({ outputCaps, samplingCap }: BodyShape, read: (key: string) => unknown): number {
  const sampling = samplingCap === "" ? undefined : read("sampling_params");
  const ofSampling = isRecord(sampling) ? toTokens(sampling[samplingCap]) : 0;
  if (ofSampling > 0) return ofSampling;
  for (const key of outputCaps) {
    const tokens = toTokens(read(key));
    if (tokens > 0) return tokens;
  }
  return 0;
}

function toTokens(value: unknown): number {
  return typeof value === "number" && Number.isInteger(value) && value > 0 ? Math.min(value, MAX_UINT32) : 0;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
