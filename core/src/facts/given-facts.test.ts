import { describe, expect, it } from "vitest";
import { hashBlocks, prefixSeed } from "../hash/index.ts";
import type { FactNeeds } from "./fact-needs.ts";
import type { FactsSettings } from "./facts-types.ts";
import type { GivenFacts } from "./given-facts.ts";
import { createRequestFacts } from "./request-facts.ts";
import { maxSessionKeyLength } from "./session-key.ts";

const needs: FactNeeds = {
  promptText: true,
  tokenIds: true,
  multimodal: false,
  blockSizesTokens: [16],
  answerBlocks: false,
  headers: [],
};
const nothing: GivenFacts = {
  model: "m",
  stream: false,
  maxOutputTokens: 0,
  cacheSalt: "",
  prompt: { kind: "none" },
  promptTokens: 0,
  sessionKey: "",
};
const text = "The quick brown fox. ".repeat(20);
const tokenIds = Uint32Array.from({ length: 100 }, (_, i) => i * 7);

function factsOf(
  given: Partial<GivenFacts>,
  settings: Partial<FactsSettings> = {},
  headers: Record<string, string> = {},
) {
  const source = {
    path: "/v1/completions",
    header: (name: string) => headers[name],
    body: undefined,
    given: { ...nothing, ...given },
  };
  const facts = createRequestFacts(source, "r-1", { needs, ...settings });
  expect(facts.prepare()).toBeUndefined();
  return facts;
}

describe("given facts", () => {
  it("stand in the place of a body", () => {
    const facts = factsOf(
      { stream: true, maxOutputTokens: 9, promptTokens: 40 },
      { adapterOf: (model) => `${model}-a` },
    );
    expect(facts).toMatchObject({ model: "m", lora: "m-a", stream: true, maxOutputTokens: 9, promptTokens: 40 });
    expect([facts.promptText, facts.tokenIds.length, facts.blockHashes.length]).toEqual(["", 0, 0]);
  });

  it("of a text have the text, its hashes with the cache salt, and its tokens estimated", () => {
    const facts = factsOf({ prompt: { kind: "text", pieces: [text] }, cacheSalt: "salt" });
    expect(facts.promptText).toBe(text);
    expect(facts.promptTokens).toBe(text.length / 4);
    expect(facts.blockHashes).toEqual(hashBlocks(Buffer.from(text), 64, prefixSeed("m", "", "salt")));
  });

  it("of token ids have the ids, their hashes, and their count", () => {
    const facts = factsOf({ prompt: { kind: "tokens", tokenIds } });
    expect(facts.tokenIds).toEqual(tokenIds);
    expect(facts.promptTokens).toBe(100);
    expect(facts.blockHashes).toEqual(hashBlocks(new Uint8Array(tokenIds.buffer), 64, prefixSeed("m", "", "")));
  });

  it("are believed about the tokens of a prompt that they hold", () => {
    expect(factsOf({ prompt: { kind: "text", pieces: [text] }, promptTokens: 77 }).promptTokens).toBe(77);
  });

  const headers = { "x-session-id": "of-header" };
  const sessions = [
    { title: "the given one before that of a header", sessionKey: "given", want: "given" },
    { title: "that of a header where none is given", sessionKey: "", want: "of-header" },
  ];
  for (const { title, sessionKey, want } of sessions) {
    it(`have a session key: ${title}`, () => expect(factsOf({ sessionKey }, {}, headers).sessionKey).toBe(want));
  }

  it("cut a session key that is too long", () => {
    expect(factsOf({ sessionKey: "k".repeat(5_000) }).sessionKey).toHaveLength(maxSessionKeyLength);
  });

  it("outlive their source, but for the prompt", () => {
    const facts = factsOf({
      prompt: { kind: "text", pieces: [text] },
      stream: true,
      sessionKey: "s",
      maxOutputTokens: 3,
    });
    facts.release();
    expect(facts.promptText).toBe("");
    expect(facts).toMatchObject({ model: "m", stream: true, sessionKey: "s", maxOutputTokens: 3, promptTokens: 105 });
    expect(facts.blockHashes.length).toBeGreaterThan(0);
  });

  it("may bring the hashes of blocks with them, asked once a size and by what prompts may share", () => {
    const asked: unknown[] = [];
    const blockHashes: GivenFacts["blockHashes"] = (size, maxBlocks, seed) => {
      asked.push([size, maxBlocks, seed]);
      return Uint32Array.of(size, seed.low);
    };
    const facts = factsOf({ prompt: { kind: "text", pieces: [text] }, cacheSalt: "s", blockHashes });
    const seed = prefixSeed("m", "", "s");
    expect([...facts.blockHashes]).toEqual([16, seed.low]);
    expect([...facts.blockHashesOf(64)]).toEqual([64, seed.low]);
    facts.release();
    expect([...facts.blockHashes]).toEqual([16, seed.low]);
    expect(asked).toEqual([
      [16, 8192, seed],
      [64, 2048, seed],
    ]);
  });
});
