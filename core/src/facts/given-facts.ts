import type { Prompt } from "./prompt.ts";
import type { ScannedBody } from "./scan-body.ts";

/** What a gateway that has read the body itself says of it, in the place of the body. */
export interface GivenFacts extends Pick<ScannedBody, "model" | "stream" | "maxOutputTokens" | "cacheSalt"> {
  readonly prompt: Prompt;
  /** Tokens of the prompt; 0 = counted as those of a body. */
  readonly promptTokens: number;
  /** Key that requests of one session share, before those of headers; empty = none. */
  readonly sessionKey: string;
}

/** What a scan of the body would have told. Does not hold the prompt, so that it may be kept. */
export function toScannedBody({ model, stream, maxOutputTokens, cacheSalt }: GivenFacts): ScannedBody {
  const noBody = { isOpaque: false, modelSpans: [], promptSpan: undefined };
  return { kind: "ok", model, stream, maxOutputTokens, cacheSalt, ...noBody };
}
