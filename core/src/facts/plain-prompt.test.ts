import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { toChunks } from "./fixtures/to-chunks.ts";
import { readInput } from "./input-prompt.ts";
import { parseJson } from "./parse-json.ts";
import { defaultParsers } from "./parsers/request-parsers.ts";
import { readPlainPrompt } from "./plain-prompt.ts";
import { countPromptTokens, hashPrompt } from "./prompt-hashes.ts";

const seed = { low: 1, high: 2 };

function readBoth(body: string, path: string, sizes: readonly number[] = []) {
  const chunks = toChunks(body, sizes);
  const scan = defaultParsers.find(path)!.scan(chunks, path);
  if (scan.kind === "fault") throw new Error(scan.message);
  const json = parseJson(chunks);
  if (json.kind === "fault") throw new Error(json.message);
  const parsed = readInput((json.value as { prompt: unknown }).prompt, "prompt");
  return { plain: readPlainPrompt(chunks, scan), parsed };
}

describe("a plain prompt", () => {
  const completions = "/v1/completions";
  const others = [
    { title: "an escape", body: '{"model":"m","prompt":"a\\nb"}', path: completions },
    { title: "other than ASCII", body: '{"model":"m","prompt":"größer"}', path: completions },
    { title: "several prompts", body: '{"model":"m","prompt":["a","b"]}', path: completions },
    { title: "token ids", body: '{"model":"m","prompt":[1,2]}', path: completions },
    { title: "embeddings alone", body: '{"model":"m","prompt_embeds":"AAAA"}', path: completions },
    { title: "messages", body: '{"model":"m","messages":[{}],"prompt":"a"}', path: "/v1/chat/completions" },
    {
      title: "a prompt that is replaced by another",
      body: '{"model":"m","prompt":"a","prompt":[7]}',
      path: completions,
    },
  ];
  for (const { title, body, path } of others) {
    it(`is none with ${title}`, () => expect(readBoth(body, path).plain).toBeUndefined());
  }

  it("counts, hashes and reads as the parsed one, wherever the body is cut", () => {
    const ascii = fc
      .string({ unit: "grapheme-ascii", minLength: 1, maxLength: 3000 })
      .map((text) => text.replaceAll(/["\\]/g, "'"));
    const more = fc.constantFrom("", ',"messages":[]', ',"prompt":"an earlier one"');
    const sizes = fc.array(fc.nat({ max: 1000 }), { maxLength: 4 });
    fc.assert(
      fc.property(ascii, more, sizes, (text, member, chunkSizes) => {
        const body = `\ufeff{"model":"m"${member},"prompt":${JSON.stringify(text)},"stream":true}`;
        const { plain, parsed } = readBoth(body, completions, chunkSizes);
        if (plain?.kind !== "ascii") throw new Error("it is no plain prompt");
        expect(Buffer.concat(plain.pieces).toString()).toBe(text);
        expect(countPromptTokens(plain)).toBe(countPromptTokens(parsed));
        for (const maxTokens of [64, 131_072]) {
          expect(hashPrompt(plain, 16, maxTokens, seed)).toEqual(hashPrompt(parsed, 16, maxTokens, seed));
        }
      }),
    );
  });
});
