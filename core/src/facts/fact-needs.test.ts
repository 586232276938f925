import { expect, it } from "vitest";
import { readsPrompt, toFactNeeds } from "./fact-needs.ts";

it("needs nothing of a request where nothing of it was granted", () => {
  expect(toFactNeeds([{ key: "waiting_requests" }, { key: "request.model" }])).toEqual({
    promptText: false,
    tokenIds: false,
    multimodal: false,
    blockSizesTokens: [],
    answerBlocks: false,
    headers: [],
  });
});

it("joins what several plugins were granted", () => {
  expect(
    toFactNeeds([
      { key: "request.block_hashes" },
      { key: "events.answer_blocks" },
      { key: "request.block_hashes", blockSizeTokens: 16 },
      { key: "request.block_hashes", blockSizeTokens: 64 },
      { key: "request.headers", names: ["X-A", "x-b"] },
      { key: "request.headers", names: ["x-a"] },
      { key: "request.prompt_text", maxBytes: 100 },
      { key: "request.token_ids" },
      { key: "request.multimodal" },
    ]),
  ).toEqual({
    promptText: true,
    tokenIds: true,
    multimodal: true,
    blockSizesTokens: [64, 16],
    answerBlocks: true,
    headers: ["x-a", "x-b"],
  });
});

const ofPrompts = [
  { key: "request.prompt_text" },
  { key: "request.token_ids" },
  { key: "request.multimodal" },
  { key: "request.block_hashes" },
] as const;
for (const need of ofPrompts) {
  it(`reads prompts for ${need.key}`, () => expect(readsPrompt(toFactNeeds([need]))).toBe(true));
}

it("reads no prompt for what the top level of a body or headers tell", () => {
  const granted = ["request.model", "request.stream", "request.max_output_tokens", "request.prompt_tokens"] as const;
  expect(readsPrompt(toFactNeeds(granted.map((key) => ({ key }))))).toBe(false);
});
