import { createRequestParsers, type RequestParser } from "@outrider/core";
import { describe, expect, it } from "vitest";
import { parserTypes } from "./parsers.ts";

function parserOf(type: string): RequestParser {
  const parser = parserTypes.find((each) => each.type === type)?.parser?.();
  if (parser === undefined) throw new Error(`there is no parser ${type}`);
  return parser;
}

describe("the types of parsers", () => {
  const types = ["openai-parser", "anthropic-parser", "vllmhttp-parser", "sglanghttp-parser", "passthrough-parser"];

  it("are those of the reference EPP, by its names", () => expect(parserTypes.map(({ type }) => type)).toEqual(types));

  const parameters = [undefined, null, {}, { anything: [1] }, "text", 5];
  for (const type of parserTypes) {
    it(`take any parameters for ${type.type}, as the reference EPP does`, () => {
      for (const given of parameters) expect(type.parameters.safeParse(given)).toMatchObject({ success: true });
    });

    it(`make ${type.type} by its name`, () => expect(type.parser?.().type).toBe(type.type));
  }

  it("read together what each reads, the longest end of a path first", () => {
    const all = createRequestParsers(types.map(parserOf));
    const paths = ["/v1/responses", "/v1/messages", "/inference/v1/generate", "/generate", "/v1/audio/speech"];
    expect(paths.map((path) => all.find(path)?.type)).toEqual(types);
  });
});
