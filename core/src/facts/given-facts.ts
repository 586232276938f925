import type { BodyTop } from "./body-top.ts";
import type { Prompt } from "./prompt.ts";

/** What a gateway that has read the body itself says of it, in the place of the body. */
export interface GivenFacts extends Pick<BodyTop, "model" | "stream" | "maxOutputTokens" | "cacheSalt"> {
  readonly prompt: Prompt;
  /** Tokens of the prompt; 0 = counted as those of a body. */
  readonly promptTokens: number;
  /** Key that requests of one session share, before those of headers; empty = none. */
  readonly sessionKey: string;
}
