import { expect, it } from "vitest";
import { toFactNeeds } from "./fact-needs.ts";

it("needs nothing of a request where nothing of it was granted", () => {
  expect(toFactNeeds([{ key: "waiting_requests" }, { key: "request.model" }])).toEqual({
    promptText: false,
    tokenIds: false,
    blockSizesTokens: [],
    headers: [],
  });
});

it("joins what several plugins were granted", () => {
  expect(
    toFactNeeds([
      { key: "request.block_hashes" },
      { key: "request.block_hashes", blockSizeTokens: 16 },
      { key: "request.block_hashes", blockSizeTokens: 64 },
      { key: "request.headers", names: ["X-A", "x-b"] },
      { key: "request.headers", names: ["x-a"] },
      { key: "request.prompt_text", maxBytes: 100 },
      { key: "request.token_ids" },
    ]),
  ).toEqual({ promptText: true, tokenIds: true, blockSizesTokens: [64, 16], headers: ["x-a", "x-b"] });
});
