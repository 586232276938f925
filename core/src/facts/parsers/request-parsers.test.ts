import { describe, expect, it } from "vitest";
import type { RequestParser } from "../parser.ts";
import { createPassthroughParser } from "./passthrough-parser.ts";
import { createRequestParsers, defaultParsers } from "./request-parsers.ts";
import { createSglanghttpParser } from "./sglanghttp-parser.ts";
import { createVllmhttpParser } from "./vllmhttp-parser.ts";

function parserOf(type: string, ...suffixes: readonly string[]): RequestParser {
  return { ...createPassthroughParser(), type, suffixes };
}

function typeFor(path: string, ...parsers: readonly RequestParser[]): string | undefined {
  return createRequestParsers(parsers).find(path)?.type;
}

describe("bad input", () => {
  const openai = parserOf("openai", "v1/chat/completions", "v1/completions");
  const unclaimed = [
    "/",
    "/unknown/path",
    "/v1",
    "/completions",
    "/v1/completions/x",
    "/xv1/completions",
    "/v1/completion",
    "/V1/Completions",
    "/v1/%63ompletions",
    "/other?x=/v1/completions",
    "/other#/v1/completions",
    "?/v1/completions",
    "\0",
    "v1/completions".repeat(2),
  ];
  for (const path of unclaimed) {
    it(`finds no parser for ${JSON.stringify(path)}`, () => expect(typeFor(path, openai)).toBeUndefined());
  }

  it("finds none where there is none", () => expect(typeFor("/v1/completions")).toBeUndefined());
});

describe("the parser of a path", () => {
  const openai = parserOf("openai", "v1/chat/completions", "v1/completions");
  const anthropic = parserOf("anthropic", "/v1/messages/");
  const vertex = parserOf("vertex", "PredictionService/ChatCompletions");
  const all = [openai, anthropic, vertex];
  const cases = [
    { path: "/v1/messages", want: "anthropic" },
    { path: "/v1/messages?beta=true", want: "anthropic" },
    { path: "/v1/messages/", want: "anthropic" },
    { path: "v1/messages", want: "anthropic" },
    { path: "/any/prefix/v1/chat/completions", want: "openai" },
    { path: "/google.cloud.aiplatform.v1.PredictionService/ChatCompletions", want: "vertex" },
    { path: "", want: "openai" },
  ];
  for (const { path, want } of cases) {
    it(`${JSON.stringify(path)} is ${want}`, () => expect(typeFor(path, ...all)).toBe(want));
  }

  it("has the longest suffix, wherever it stands", () => {
    const parsers = [createSglanghttpParser(), createVllmhttpParser()];
    for (const list of [parsers, parsers.toReversed()]) {
      expect(typeFor("/inference/v1/generate", ...list)).toBe("vllmhttp-parser");
      expect(typeFor("/generate", ...list)).toBe("sglanghttp-parser");
    }
  });

  it("is the first of those that claim the same", () => {
    expect(typeFor("/v1/completions", openai, parserOf("custom", "v1/completions"))).toBe("openai");
    expect(typeFor("/v1/completions", parserOf("custom", "v1/completions"), openai)).toBe("custom");
  });

  it("is the one that claims no path, where no other claims it", () => {
    const parsers = [openai, parserOf("passthrough")];
    expect(typeFor("/v1/completions", ...parsers)).toBe("openai");
    expect(typeFor("/unknown/path", ...parsers)).toBe("passthrough");
  });

  it("is none behind the one that claims no path", () => {
    expect(typeFor("/v1/messages", parserOf("passthrough"), anthropic)).toBe("passthrough");
  });

  it("is the first of its type", () => {
    const second = { ...parserOf("openai", "else") };
    expect(typeFor("/else", openai, second)).toBeUndefined();
  });
});

describe("the parsers by default", () => {
  const claimed = {
    "openai-parser": [
      "/v1/chat/completions",
      "/v1/completions",
      "/v1/embeddings",
      "/v1/responses",
      "/v1/conversations",
      "/v1/chat/completions/render",
      "/v1/completions/render",
      "/v1/images/generations",
      "",
    ],
    "anthropic-parser": ["/v1/messages", "/v1/messages/count_tokens"],
    "vllmhttp-parser": ["/inference/v1/generate"],
    "passthrough-parser": ["/generate", "/v1/models", "/v1/audio/transcriptions", "/v1/rerank", "/"],
  };
  for (const [type, paths] of Object.entries(claimed)) {
    it(`read ${paths.join(", ")} with ${type}`, () => {
      expect(paths.map((path) => defaultParsers.find(path)?.type)).toEqual(paths.map(() => type));
    });
  }

  const silent = ["/v1/messages/count_tokens", "/v1/models", "/v1/completions/render", "/v1/chat/completions/render"];
  for (const path of silent) {
    it(`look into no response of ${path}`, () => expect(defaultParsers.find(path)?.observesResponse(path)).toBe(false));
  }

  const seen = ["/v1/messages", "/v1/completions?x=1", "", "/inference/v1/generate", "/v1/embeddings"];
  for (const path of seen) {
    it(`look into responses of ${JSON.stringify(path)}, and for a model in its requests`, () => {
      const parser = defaultParsers.find(path);
      expect([parser?.observesResponse(path), parser?.namesModel(path)]).toEqual([true, true]);
    });
  }
});
