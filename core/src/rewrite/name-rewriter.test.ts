import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createNameRewriter } from "./name-rewriter.ts";

/** What a rewriter makes of chunks, joined. */
function rewrite(chunks: readonly Uint8Array[], from: string, to: string): string {
  const rewriter = createNameRewriter(from, to);
  const out = chunks.flatMap((chunk) => rewriter.push(chunk));
  return Buffer.concat([...out, ...rewriter.end()]).toString();
}

/** The same replacement over the whole text at once. */
function replaceWhole(text: string, from: string, to: string): string {
  const name = JSON.stringify(from).replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
  const member = new RegExp(`("model"[ \\t\\r\\n]*:[ \\t\\r\\n]*)${name}`, "g");
  return text.replaceAll(member, (_, head: string) => head + JSON.stringify(to));
}

function cutAt(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const cuts = [0, ...[...places].sort((a, b) => a - b), bytes.length];
  return cuts.slice(1).map((end, i) => bytes.subarray(cuts[i], end));
}

const names = ["vllm-backend-01", "m", "model", "mod", '"', '"model":"m"', "é✓", "a\\b", 'x"mo'];

describe("bad input", () => {
  const cases = [
    { title: "no JSON", text: "upstream connect error" },
    { title: "an empty body", text: "" },
    { title: "another name", text: '{"model":"target-2"}' },
    { title: "the beginning of the name", text: '{"model":"targe"}' },
    { title: "the name in another case", text: '{"model":"Target"}' },
    { title: "another key", text: '{"models":"target","xmodel":"target"}' },
    { title: "the name without its key", text: '{"root":"target","a":["target"]}' },
    { title: "a key without colon", text: '{"model" "target"}' },
    { title: "two colons", text: '{"model"::"target"}' },
    { title: "JSON in a string", text: String.raw`{"content":"{\"model\":\"target\"}"}` },
    { title: "a body that ends within the name", text: '{"model":"targ' },
    { title: "a body that ends within the key", text: '{"mod' },
  ];
  for (const { title, text } of cases) {
    it(`leaves ${title} as it is, cut anywhere`, () => {
      for (let at = 0; at <= text.length; at++) {
        expect(rewrite(cutAt(Buffer.from(text), [at]), "target", "client")).toBe(text);
      }
    });
  }

  const kept = [
    { title: "where the client named none", from: "target", to: "" },
    { title: "that is the client's", from: "target", to: "target" },
  ];
  for (const { title, from, to } of kept) {
    it(`leaves a name ${title} as it is, holding nothing back`, () => {
      const rewriter = createNameRewriter(from, to);
      const chunks = ['{"model":"tar', 'get"}'].map((text) => Buffer.from(text));
      expect(chunks.flatMap((chunk) => rewriter.push(chunk))).toEqual(chunks);
      expect(rewriter.end()).toEqual([]);
    });
  }

  it("leaves bytes that are no UTF-8 as they are", () => {
    const bytes = Buffer.from('\xff{"model":"\xfe"}\xff', "latin1");
    const rewriter = createNameRewriter("target", "client");
    expect(Buffer.concat([...rewriter.push(bytes), ...rewriter.end()])).toEqual(bytes);
  });
});

describe("the client's name", () => {
  const cases = [
    { title: "JSON", text: '{"id":"1","model":"target","a":[]}', want: '{"id":"1","model":"client","a":[]}' },
    { title: "any white space", text: '{"model" \n:\t\r "target"}', want: '{"model" \n:\t\r "client"}' },
    { title: "any depth", text: '{"response":{"model":"target"}}', want: '{"response":{"model":"client"}}' },
    {
      title: "each event",
      text: 'data: {"model":"target"}\n\ndata: {"model": "target"}\n\ndata: [DONE]\n\n',
      want: 'data: {"model":"client"}\n\ndata: {"model": "client"}\n\ndata: [DONE]\n\n',
    },
    { title: "a key right behind a false one", text: '"model"model":"target"', want: '"model"model":"client"' },
    { title: "a key in place of a value", text: '"model":"model":"target"', want: '"model":"model":"client"' },
  ];
  for (const { title, text, want } of cases) {
    it(`goes back into ${title}, cut anywhere`, () => {
      for (let at = 0; at <= text.length; at++) {
        expect(rewrite(cutAt(Buffer.from(text), [at]), "target", "client")).toBe(want);
      }
      expect(
        rewrite(
          cutAt(
            Buffer.from(text),
            [...text].map((_, i) => i),
          ),
          "target",
          "client",
        ),
      ).toBe(want);
    });
  }

  it("goes back wherever it would in the whole text, cut anywhere", () => {
    const piece = (from: string) =>
      fc.constantFrom(
        ...['"model"', '"model":', '"', "model", ":", " ", "\n", "data: ", "\\", from, JSON.stringify(from), "x"],
      );
    const input = fc
      .constantFrom(...names)
      .chain((from) =>
        fc.record({ from: fc.constant(from), to: fc.constantFrom(...names), pieces: fc.array(piece(from)) }),
      );
    fc.assert(
      fc.property(input, fc.array(fc.nat(200), { maxLength: 12 }), ({ from, to, pieces }, places) => {
        const text = pieces.join("");
        const bytes = Buffer.from(text);
        const want = replaceWhole(text, from, to);
        const within = places.map((place) => Math.min(place, bytes.length));
        expect(rewrite(cutAt(bytes, within), from, to)).toBe(want);
        expect(rewrite(cutAt(bytes, [...bytes.keys()]), from, to)).toBe(want);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe("a chunk", () => {
  it("goes on itself where nothing of it changes", () => {
    const rewriter = createNameRewriter("target", "client");
    const chunks = ['{"id":"mod', 'el","a":1', ',"model', '" : ', '"other"', ""].map((text) => Buffer.from(text));
    for (const chunk of chunks.slice(0, 4)) expect(rewriter.push(chunk)[0]).toBe(chunk);
    expect(Buffer.concat(rewriter.push(chunks[4]!))).toEqual(chunks[4]);
    expect(rewriter.push(chunks[5]!)[0]).toBe(chunks[5]);
  });

  it("is held back only as far as it may be the name, and that is all that is held", () => {
    const rewriter = createNameRewriter("target", "client");
    const sizes = [...'{"model": "targe'].map((byte) => Buffer.concat(rewriter.push(Buffer.from(byte))).length);
    expect(sizes).toEqual([...Array(10).fill(1), ...Array(6).fill(0)]);
    expect(Buffer.concat(rewriter.push(Buffer.from("x"))).toString()).toBe('"targex');
  });

  it("shares its memory with what goes on in its place", () => {
    const chunk = Buffer.from('{"id":1,"model":"target","a":1}');
    const out = createNameRewriter("target", "client").push(chunk);
    expect(out.map((part) => part.buffer === chunk.buffer && part.byteOffset >= chunk.byteOffset)).toContain(true);
    expect(out[0]!.byteOffset).toBe(chunk.byteOffset);
    expect(out.at(-1)!.byteOffset + out.at(-1)!.length).toBe(chunk.byteOffset + chunk.length);
  });
});
