import type { Need } from "../contract/index.ts";

/** What is worth computing of a request, because somebody was granted it. */
export interface FactNeeds {
  /** Whether the text of the prompt is read. */
  readonly promptText: boolean;
  /** Whether the token ids of the prompt are read. */
  readonly tokenIds: boolean;
  /** Whether it counts that the prompt has parts that are no text. */
  readonly multimodal: boolean;
  /** Sizes, in tokens, of the prefix blocks that hashes are wanted of; none: no hashes. The first is the default. */
  readonly blockSizesTokens: readonly number[];
  /** Whether hashes are wanted of what answers add to them too. */
  readonly answerBlocks: boolean;
  /** Names of the headers that are read, in lower case. */
  readonly headers: readonly string[];
}

/** Tokens in one prefix block where a need names no size. */
export const defaultBlockSizeTokens = 64;

/** What the needs granted to all plugins come to. */
export function toFactNeeds(granted: readonly Need[]): FactNeeds {
  const of = (key: Need["key"]) => granted.filter((need) => need.key === key);
  return {
    promptText: of("request.prompt_text").length > 0,
    tokenIds: of("request.token_ids").length > 0,
    multimodal: of("request.multimodal").length > 0,
    blockSizesTokens: [
      ...new Set(of("request.block_hashes").map(({ blockSizeTokens }) => blockSizeTokens ?? defaultBlockSizeTokens)),
    ],
    answerBlocks: of("events.answer_blocks").length > 0,
    headers: [...new Set(of("request.headers").flatMap(({ names = [] }) => names.map((name) => name.toLowerCase())))],
  };
}

/** Whether something of the prompt itself is needed: else its body is not parsed. */
export function readsPrompt({ promptText, tokenIds, multimodal, blockSizesTokens }: FactNeeds): boolean {
  return promptText || tokenIds || multimodal || blockSizesTokens.length > 0;
}
