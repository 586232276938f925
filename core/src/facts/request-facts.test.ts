import { describe, expect, it } from "vitest";
import { hashBlocks, prefixSeed } from "../hash/index.ts";
import type { FactNeeds } from "./fact-needs.ts";
import type { FactsSettings, FactsSource } from "./facts-types.ts";
import { createRequestFacts } from "./request-facts.ts";

const nothing: FactNeeds = {
  promptText: false,
  tokenIds: false,
  multimodal: false,
  blockSizesTokens: [],
  answerBlocks: false,
  headers: [],
};
const PATH = "/v1/completions";

interface Request {
  readonly body?: unknown;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

function toSource({ body, path = PATH, headers = {} }: Request): FactsSource {
  const bytes = body === undefined ? undefined : Buffer.from(typeof body === "string" ? body : JSON.stringify(body));
  return { path, header: (name) => headers[name], body: bytes && [bytes.subarray(0, 5), bytes.subarray(5)] };
}

function factsOf(request: Request, needs: Partial<FactNeeds> = {}, settings: Partial<FactsSettings> = {}) {
  return createRequestFacts(toSource(request), "r-1", { needs: { ...nothing, ...needs }, ...settings });
}

describe("bad input", () => {
  const cases = [
    { title: "no JSON", body: "hello", needs: {}, fault: "not a JSON object" },
    { title: "no model", body: { prompt: "p" }, needs: {}, fault: "model not found in request body" },
    { title: "an empty body", body: "", needs: {}, fault: "not a JSON object" },
    {
      title: "a prompt that is read",
      body: { model: "m", prompt: null },
      needs: { promptText: true },
      fault: "prompt",
    },
    {
      title: "JSON that is read",
      body: '{"model":"m","prompt":[1],"a":nul}',
      needs: { tokenIds: true },
      fault: "cannot be read",
    },
    {
      title: "a model of null",
      body: { model: null, prompt: "p" },
      needs: {},
      fault: "model not found in request body",
    },
    { title: "an empty model", body: { model: "", prompt: "p" }, needs: {}, fault: "model not found in request body" },
    { title: "no prompt, before no model", body: {}, needs: {}, fault: "must have prompt field" },
  ];
  for (const { title, body, needs, fault } of cases) {
    it(`finds fault with ${title}`, () => expect(factsOf({ body }, needs).prepare()).toContain(fault));
  }

  it("finds no fault with a value that nobody reads", () => {
    expect(factsOf({ body: '{"model":"m","prompt":"p","a":nul}' }).prepare()).toBeUndefined();
  });

  it("does not fail on a body nested too deeply to be written", () => {
    const deep = `{"model":"m","messages":[{"role":"user","content":[{"a":${"[".repeat(1e5)}${"]".repeat(1e5)}}]}]}`;
    const path = "/v1/chat/completions";
    expect(factsOf({ body: deep, path }, { promptText: true }).prepare()).toContain("cannot be read");
    expect(factsOf({ body: deep, path }).prepare()).toBeUndefined();
  });

  const noTargets = ["soon", "", "-5", "0", "NaN", "Infinity", "1,5"];
  for (const value of noTargets) {
    it(`ignores "${value}" as a target, and takes the older header`, () => {
      const headers = { "x-llm-d-slo-ttft-ms": value, "x-slo-ttft-ms": "250" };
      expect(factsOf({ headers }).sloTtftMs).toBe(250);
      expect(factsOf({ headers: { "x-llm-d-slo-tpot-ms": value } }).sloTpotMs).toBe(0);
    });
  }
});

describe("a request without body", () => {
  it("has every fact at its default", () => {
    const facts = factsOf({}, { promptText: true, blockSizesTokens: [64] });
    expect(facts.prepare()).toBeUndefined();
    expect(facts).toMatchObject({
      model: "",
      lora: "",
      priority: 0,
      objective: "",
      fairnessId: "",
      sessionKey: "",
      pinnedSlot: -1,
      promptTokens: 0,
      promptText: "",
      maxOutputTokens: 0,
      stream: false,
      requestId: "r-1",
      sloTtftMs: 0,
      sloTpotMs: 0,
    });
    expect(facts.blockHashes).toHaveLength(0);
  });
});

describe("facts", () => {
  const tenants = [
    { title: "its own header", headers: { "x-llm-d-inference-fairness-id": "tenant", agent: "a" }, want: "tenant" },
    { title: "the older header", headers: { "x-gateway-inference-fairness-id": "older", agent: "a" }, want: "older" },
    { title: "its agent", headers: { agent: "a" }, want: "a" },
    { title: "nobody", headers: {}, want: "" },
  ];
  for (const { title, headers, want } of tenants) {
    it(`have a request accounted to what is told by ${title}`, () => {
      const settings = { agentOf: ({ header }: Pick<FactsSource, "header">) => header("agent") ?? "" };
      expect(factsOf({ headers: headers as Record<string, string> }, {}, settings).fairnessId).toBe(want);
    });
  }

  it("come from the top level of the body and from headers, the newer name first", () => {
    const headers = {
      "x-llm-d-inference-fairness-id": "tenant",
      "x-gateway-inference-fairness-id": "older",
      "x-gateway-inference-objective": "batch",
      "x-llm-d-slo-ttft-ms": "99.5",
      "x-slo-tpot-ms": "20",
      "x-session-id": "s",
    };
    const body = { model: "m", prompt: "p", stream: true, max_tokens: 9 };
    const settings: Partial<FactsSettings> = {
      priorityOf: (objective) => (objective === "batch" ? -1 : 0),
      adapterOf: (model) => (model === "m" ? "adapter" : ""),
    };
    expect(factsOf({ body, headers }, {}, settings)).toMatchObject({
      model: "m",
      lora: "adapter",
      stream: true,
      maxOutputTokens: 9,
      fairnessId: "tenant",
      objective: "batch",
      priority: -1,
      sloTtftMs: 100,
      sloTpotMs: 20,
      sessionKey: "s",
    });
  });

  it("tell where a session is pinned to once the host knows, and when the request is let go", () => {
    const facts = factsOf({});
    expect([facts.pinnedSlot, facts.pins]).toEqual([-1, undefined]);
    facts.pin({ pinnedSlot: 4, slots: new Map([["", 4]]) });
    facts.release();
    expect([facts.pinnedSlot, facts.pins?.get("")]).toEqual([4, 4]);
  });

  it("hold the headers that are needed, and no others", () => {
    const headers = { "x-a": "1", "x-secret": "2" };
    expect(factsOf({ headers }, { headers: ["x-a", "x-absent"] }).headers).toEqual({ "x-a": "1" });
  });

  it("are computed once", () => {
    let calls = 0;
    const facts = factsOf(
      { body: { model: "m", prompt: "p".repeat(600) } },
      { blockSizesTokens: [64] },
      {
        adapterOf: () => `${calls++}`,
      },
    );
    expect([facts.lora, facts.lora, calls]).toEqual(["0", "0", 1]);
    expect(facts.blockHashes).toBe(facts.blockHashes);
  });

  it("of the prompt stay empty where nobody needs them", () => {
    const facts = factsOf({ body: { model: "m", prompt: [1, 2] } });
    expect([facts.promptText, facts.tokenIds.length, facts.blockHashes.length, facts.blockSizeTokens]).toEqual([
      "",
      0,
      0,
      0,
    ]);
    expect(facts.blockHashesOf(16)).toHaveLength(0);
  });
});

describe("prompt tokens", () => {
  const body = { model: "m", prompt: "€uro" };
  const cases = [
    { title: "a quarter of the body's bytes where nobody reads the prompt", request: { body }, needs: {}, want: 8 },
    { title: "a quarter of the prompt's bytes, rounded up", request: { body }, needs: { promptText: true }, want: 2 },
    {
      title: "the token ids",
      request: { body: { model: "m", prompt: [5, 6, 7] } },
      needs: { tokenIds: true },
      want: 3,
    },
  ];
  for (const { title, request, needs, want } of cases) {
    it(`are ${title}`, () => expect(factsOf(request, needs).promptTokens).toBe(want));
  }
});

describe("block hashes", () => {
  const text = "The quick brown fox. ".repeat(40);
  const tokens = Array.from({ length: 200 }, (_, i) => i * 7);
  const hashesOf = (body: object, blockSizesTokens = [16], settings: Partial<FactsSettings> = {}) => {
    const path = "messages" in body ? "/v1/chat/completions" : PATH;
    return factsOf({ body: { model: "m", ...body }, path }, { blockSizesTokens }, settings).blockHashes;
  };

  it("are those of the text's bytes, four to a token, seeded with model, adapter and cache salt", () => {
    const seed = prefixSeed("m", "a", "salt");
    const hashes = hashesOf({ prompt: text, cache_salt: "salt" }, [16], { adapterOf: () => "a" });
    expect(hashes).toEqual(hashBlocks(Buffer.from(text), 64, seed));
    expect(hashes.length / 2).toBe(Math.floor(text.length / 64));
    expect(hashesOf({ prompt: text })).not.toEqual(hashes);
  });

  it("are those of the token ids", () => {
    const bytes = new Uint8Array(Uint32Array.from(tokens).buffer);
    expect(hashesOf({ prompt: tokens })).toEqual(hashBlocks(bytes, 64, prefixSeed("m", "", "")));
  });

  it("are of every size that is needed, the first by default", () => {
    const facts = factsOf({ body: { model: "m", prompt: text } }, { blockSizesTokens: [64, 16] });
    expect(facts.blockSizeTokens).toBe(64);
    expect(facts.blockHashes).toBe(facts.blockHashesOf(64));
    expect(facts.blockHashesOf(16)).toEqual(hashesOf({ prompt: text }));
  });

  it("share the blocks of an earlier turn", () => {
    const turn = (...contents: readonly string[]) => ({
      messages: contents.map((content) => ({ role: "user", content })),
    });
    const [first, second] = [hashesOf(turn(text)), hashesOf(turn(text, "more", text))];
    const shared = first.slice(0, 2 * Math.floor(first.length / 2));
    expect(first.length).toBeGreaterThan(20);
    expect(second.slice(0, shared.length)).toEqual(shared);
  });

  it("stop at the longest prefix", () => {
    const hashes = hashesOf({ prompt: text }, [16], { maxPrefixTokens: 40 });
    expect(hashes).toEqual(hashesOf({ prompt: text }).slice(0, 4));
    expect(hashesOf({ prompt: tokens }, [16], { maxPrefixTokens: 40 })).toHaveLength(4);
  });

  it("stop there between the bytes of a character too", () => {
    const contents = ["a€€€€€€€€€€€€€€€€€€€€€€€", "b€€€€€€€€€€€€€€€€€€€€€€€", "cc€€€€€€€€€€€€€€€€€€"];
    const messages = contents.map((content) => ({ role: "user", content }));
    const rendered = Buffer.from(contents.map((content) => `<|user|>\n${content}\n`).join(""));
    for (let maxPrefixTokens = 1; maxPrefixTokens < 60; maxPrefixTokens++) {
      const want = hashBlocks(rendered, 4, prefixSeed("m", "", ""), maxPrefixTokens);
      expect(hashesOf({ messages }, [1], { maxPrefixTokens })).toEqual(want);
    }
  });

  it("are right for texts of any width, one behind the other", () => {
    const texts = ["x".repeat(300_000), "é€😀".repeat(50), "y".repeat(70)];
    for (const prompt of [...texts, ...texts]) {
      expect(hashesOf({ prompt })).toEqual(hashBlocks(Buffer.from(prompt), 64, prefixSeed("m", "", "")));
    }
  });
});

describe("the model", () => {
  const targetOf = (clientModel: string, { header }: FactsSource) =>
    clientModel === "kept" ? undefined : header("x-target");
  const headers = { "x-target": "target" };

  it("is what the client's is rewritten to, and the client's own name stays known", () => {
    const facts = factsOf({ body: { model: "m", prompt: "p" }, headers }, {}, { targetOf });
    expect(facts).toMatchObject({ model: "target", clientModel: "m", modelSpans: [{ start: 9, end: 12 }] });
    facts.release();
    expect(facts).toMatchObject({ model: "target", clientModel: "m" });
  });

  it("is the client's where there is nothing to rewrite it to", () => {
    expect(factsOf({ body: { model: "kept", prompt: "p" }, headers }, {}, { targetOf }).model).toBe("kept");
    expect(factsOf({ body: { model: "m", prompt: "p" } }, {}, { targetOf }).model).toBe("m");
  });

  it("is what stands in the place of none, which the body then has room for", () => {
    const [named, unnamed] = [headers, {}].map((each) =>
      factsOf({ body: { prompt: "p" }, headers: each }, {}, { targetOf }),
    );
    expect(named!.prepare()).toBeUndefined();
    expect(named).toMatchObject({ model: "target", clientModel: "", modelSpans: [{ start: 1, end: 1 }] });
    expect(unnamed!.prepare()).toBe("model not found in request body");
  });

  const unnamed = [
    { title: "that counts tokens", path: "/v1/messages/count_tokens" },
    { title: "of an unknown path", path: "/v2/else" },
  ];
  for (const { title, path } of unnamed) {
    it(`is none in a body ${title}, whatever it holds and whatever there is to rewrite it to`, () => {
      for (const body of [{ model: "m" }, "\0 no JSON", ""]) {
        const facts = factsOf({ body, path, headers }, { promptText: true, blockSizesTokens: [16] }, { targetOf });
        expect(facts.prepare()).toBeUndefined();
        expect(facts).toMatchObject({ model: "", clientModel: "", modelSpans: [], promptTokens: 0, promptText: "" });
      }
    });
  }

  it("is none without a body, whatever there is to rewrite it to", () => {
    expect(factsOf({ headers }, {}, { targetOf })).toMatchObject({ model: "", clientModel: "", modelSpans: [] });
  });

  it("decides adapter and block hashes by what it is rewritten to", () => {
    const settings = { targetOf, adapterOf: (model: string) => `${model}-adapter` };
    const body = { model: "m", prompt: "p".repeat(400) };
    const facts = factsOf({ body, headers }, { blockSizesTokens: [16] }, settings);
    const seed = prefixSeed("target", "target-adapter", "");
    expect(facts.lora).toBe("target-adapter");
    expect(facts.blockHashes).toEqual(hashBlocks(Buffer.from(body.prompt), 64, seed));
  });
});

describe("released facts", () => {
  it("keep all but the prompt", () => {
    const request = {
      body: { model: "m", prompt: "p".repeat(400), stream: true },
      headers: { "x-session-id": "s", "x-a": "1", "x-slo-ttft-ms": "5" },
    };
    const facts = factsOf(request, { promptText: true, blockSizesTokens: [16], headers: ["x-a"] });
    expect(facts.prepare()).toBeUndefined();
    expect(facts.promptText).toHaveLength(400);
    facts.release();
    expect(facts.promptText).toBe("");
    expect(facts).toMatchObject({ model: "m", stream: true, sessionKey: "s", promptTokens: 100, sloTtftMs: 5 });
    expect(facts.headers).toEqual({ "x-a": "1" });
    expect(facts.blockHashes).toHaveLength(12);
  });
});
