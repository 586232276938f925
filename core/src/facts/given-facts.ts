import type { Hash64 } from "../hash/index.ts";
import type { BodyTop } from "./body-top.ts";
import type { Prompt } from "./prompt.ts";

/** What a gateway that has read the body itself says of it, in the place of the body. */
export interface GivenFacts extends Pick<BodyTop, "model" | "stream" | "maxOutputTokens" | "cacheSalt"> {
  readonly prompt: Prompt;
  /** Tokens of the prompt; 0 = counted as those of a body. */
  readonly promptTokens: number;
  /** Key that requests of one session share, before those of headers; empty = none. */
  readonly sessionKey: string;
  /**
   * Chained hashes of the prompt's full blocks as `hashBlocks` has them, two words each, from who knows the prompt's
   * content by other means than its text; absent = they are made of {@link prompt}.
   * @param maxBlocks most blocks that are wanted.
   * @param seed of the model, adapter and cache salt: other seeds, other hashes.
   */
  readonly blockHashes?: (blockSizeTokens: number, maxBlocks: number, seed: Hash64) => Uint32Array;
}
