import { describe, expect, it } from "vitest";
import type { FactNeeds } from "./fact-needs.ts";
import type { FactsSettings } from "./facts-types.ts";
import { toChunks } from "./fixtures/to-chunks.ts";
import { createRequestParsers } from "./parsers/request-parsers.ts";
import { createSglanghttpParser } from "./parsers/sglanghttp-parser.ts";
import { createRequestFacts } from "./request-facts.ts";

const nothing: FactNeeds = {
  promptText: false,
  tokenIds: false,
  multimodal: false,
  blockSizesTokens: [],
  answerBlocks: false,
  headers: [],
};

function factsOf(
  { body, path = "/v1/completions" }: { readonly body?: unknown; readonly path?: string },
  needs: Partial<FactNeeds> = {},
  settings: Partial<FactsSettings> = {},
) {
  const source = {
    path,
    header: () => undefined,
    body: body === undefined ? undefined : toChunks(JSON.stringify(body), [5]),
  };
  return createRequestFacts(source, "r-1", { needs: { ...nothing, ...needs }, ...settings });
}

describe("where a model stands", () => {
  const targetOf = () => "target";
  const bodies = [
    { title: "a prompt as it is", body: { prompt: "p", model: "m" }, spans: [{ start: 22, end: 25 }] },
    { title: "a prompt with an escape", body: { model: "m", prompt: "\n" }, spans: [{ start: 9, end: 12 }] },
    { title: "token ids", body: { prompt: [1, 2] }, spans: [{ start: 1, end: 1 }] },
  ];
  for (const { title, body, spans } of bodies) {
    it(`is told of a body with ${title}, read or not, also when the request was let go of`, () => {
      for (const needs of [{}, { promptText: true, tokenIds: true }]) {
        const facts = factsOf({ body }, needs, { targetOf });
        expect(facts.prepare()).toBeUndefined();
        facts.release();
        expect(facts.modelSpans).toEqual(spans);
        expect(factsOf({ body }, needs).modelSpans).toEqual(spans);
      }
    });
  }

  it("is not looked for where it does not change when the request is let go of", () => {
    const facts = factsOf({ body: { model: "m", prompt: [1, 2] } }, { tokenIds: true });
    facts.release();
    expect(facts.modelSpans).toEqual([]);
  });
});

describe("the parser", () => {
  const path = "/generate";
  const body = { input_ids: [1, 2, 3], extra_key: "salt", sampling_params: { max_new_tokens: 7 }, model: "no model" };
  const parsers = createRequestParsers([createSglanghttpParser()]);

  it("is one of those that the settings name, chosen by path", () => {
    const facts = factsOf({ body, path }, { tokenIds: true }, { parsers });
    expect(facts.prepare()).toBeUndefined();
    expect(facts.parser?.type).toBe("sglanghttp-parser");
    expect(facts).toMatchObject({ model: "", modelSpans: [], promptTokens: 3, maxOutputTokens: 7 });
    expect(facts.tokenIds).toEqual(Uint32Array.of(1, 2, 3));
  });

  it("is needed where there is a body, and only there", () => {
    const other = factsOf({ body, path: "/other/path?q=1" }, {}, { parsers });
    expect(other.prepare()).toBe("no parser registered matching path suffix for: /other/path?q=1");
    expect(other).toMatchObject({ parser: undefined, model: "", multimodal: false });
    const withoutBody = factsOf({ path: "/other/path" }, {}, { parsers });
    expect(withoutBody.prepare()).toBeUndefined();
    expect(withoutBody.parser).toBeUndefined();
  });

  it("stays known when the request is let go of", () => {
    const facts = factsOf({ body, path }, { multimodal: true }, { parsers });
    facts.release();
    expect(facts.parser?.observesResponse(path)).toBe(true);
  });
});

describe("a multimodal prompt", () => {
  const image = { role: "user", content: [{ type: "image_url", image_url: { url: "u" } }] };
  const request = { body: { model: "m", messages: [image] }, path: "/v1/chat/completions" };

  it("is told where somebody needs to know, also when the request was let go of", () => {
    const facts = factsOf(request, { multimodal: true });
    facts.release();
    expect(facts.multimodal).toBe(true);
    expect(factsOf({ body: { model: "m", prompt: "p" } }, { multimodal: true }).multimodal).toBe(false);
  });

  it("is not looked for where nobody does", () =>
    expect(factsOf(request, { promptText: true }).multimodal).toBe(false));
});
