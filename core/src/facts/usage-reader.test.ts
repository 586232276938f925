import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { responseBodies } from "./fixtures/responses.ts";
import { createUsageReader, type TokenUsage, type UsageMember } from "./usage-reader.ts";

function read(chunks: readonly (string | Uint8Array)[]): TokenUsage {
  const reader = createUsageReader();
  for (const chunk of chunks) reader.read(new Uint8Array(Buffer.from(chunk)));
  return reader.usage;
}

const none = { promptTokens: 0, cachedTokens: 0, outputTokens: 0 };

describe("bad input", () => {
  const cases = [
    { title: "nothing", body: "" },
    { title: "null", body: '{"usage":null}' },
    { title: "a text", body: '{"usage":"prompt_tokens"}' },
    { title: "a key without value", body: '{"usage"}' },
    { title: "a value of that name", body: '{"a":"usage","prompt_tokens":5}' },
    { title: "the words in an answer", body: '{"text":"\\"usage\\":{\\"prompt_tokens\\":5}"}' },
    { title: "wrong types", body: '{"usage":{"prompt_tokens":"5","completion_tokens":-1,"prompt_tokens_details":7}}' },
    { title: "broken JSON", body: '{"usage":{prompt_tokens:5}}' },
    { title: "an object that does not end", body: '{"usage":{"prompt_tokens":5,' },
  ];
  for (const { title, body } of cases) it(`tells nothing from ${title}`, () => expect(read([body])).toEqual(none));

  it("gives up a usage that does not end, and reads the next", () => {
    const endless = Array.from({ length: 100 }, () => "x".repeat(1_000));
    expect(read(['{"usage":{"a":"', ...endless, '"}} {"usage":{"prompt_tokens":5}}'])).toMatchObject({
      promptTokens: 5,
    });
  });
});

function told(chunks: readonly (string | Uint8Array)[], member: UsageMember = "usage") {
  const reader = createUsageReader(member);
  for (const chunk of chunks) reader.read(new Uint8Array(Buffer.from(chunk)));
  return { usage: reader.usage, outputEvents: reader.outputEvents };
}

for (const { title, body, usage, outputEvents } of responseBodies) {
  describe(title, () => {
    const bytes = Buffer.from(body);
    const want = { usage, outputEvents };

    it("tells its usage and events as a whole", () => expect(told([body])).toEqual(want));

    it("tells them whatever two bytes it is cut between (defect: a line split over two chunks loses its usage)", () => {
      for (let cut = 0; cut <= bytes.length; cut++) {
        expect(told([bytes.subarray(0, cut), bytes.subarray(cut)])).toEqual(want);
      }
    });

    it("tells them byte by byte", () => expect(told([...bytes].map((byte) => Uint8Array.of(byte)))).toEqual(want));

    it("tells them cut at any places", () => {
      const places = fc.array(fc.nat(bytes.length), { maxLength: 12 });
      fc.assert(
        fc.property(places, (cuts) => {
          expect(told(cutAt(bytes, cuts))).toEqual(want);
        }),
        { seed: 20_261_122, numRuns: 200 },
      );
    });
  });
}

describe("usage", () => {
  const value = fc.oneof(
    fc.jsonValue({ maxDepth: 3 }),
    fc.constantFrom('{"usage":{"prompt_tokens":99}}', '"usage":{', "\\", '"', "data: [DONE]", "\n\n"),
  );
  const member = fc.tuple(
    fc.oneof(fc.constantFrom("message", "response", "x", "choices", "usage "), fc.string()),
    value,
  );
  const count = fc.nat(1_000_000);

  it("is that of the top level, whatever is around it, cut anywhere", () => {
    const members = fc.array(member, { maxLength: 5 });
    const places = fc.array(fc.nat(4_000), { maxLength: 6 });
    fc.assert(
      fc.property(
        members,
        members,
        count,
        count,
        places,
        fc.boolean(),
        (before, behind, input, output, cuts, isStream) => {
          const usage = { input_tokens: input, output_tokens: output };
          const around = (list: typeof before) => list.filter(([key, each]) => key !== "usage" && !isEnvelope(each));
          const json = JSON.stringify(Object.fromEntries([...around(before), ["usage", usage], ...around(behind)]));
          const bytes = Buffer.from(isStream ? `event: x\ndata: ${json}\n\n` : json);
          const within = cuts.map((cut) => Math.min(cut, bytes.length));
          const want = { promptTokens: input, cachedTokens: 0, outputTokens: output };
          expect(told(cutAt(bytes, within)).usage).toEqual(want);
        },
      ),
      { seed: 20_261_123, numRuns: 1_000 },
    );
  });

  it("is read whatever bytes come, without a throw", () => {
    const piece = fc.oneof(
      fc.constantFrom(
        "data: ",
        "event: ",
        "\n",
        "{",
        "}",
        "[",
        "]",
        '"usage":',
        '"message":',
        '"',
        "\\",
        ":",
        ",",
        "5",
      ),
      fc.uint8Array({ maxLength: 20 }),
    );
    fc.assert(
      fc.property(fc.array(fc.array(piece), { maxLength: 8 }), (chunks) => {
        const { usage, outputEvents } = told(
          chunks.map((pieces) => Buffer.concat(pieces.map((each) => Buffer.from(each)))),
        );
        for (const tokens of [...Object.values(usage), outputEvents]) expect(tokens).toBeGreaterThanOrEqual(0);
      }),
      { seed: 20_261_124, numRuns: 1_000 },
    );
  });

  const deeper = [
    { title: "in a list", body: '[{"usage":{"prompt_tokens":5}}]' },
    {
      title: "in another member",
      body: '{"choices":[{"usage":{"prompt_tokens":5}}],"x":{"usage":{"prompt_tokens":5}}}',
    },
    { title: "in a list of responses", body: '{"response":[{"usage":{"prompt_tokens":5}}]}' },
    { title: "below a message", body: '{"message":{"a":{"usage":{"prompt_tokens":5}}}}' },
    { title: "in a list behind a member of that name", body: '{"a":{"usage":1},"message":[{"prompt_tokens":5}]}' },
    { title: "in a list behind an object with it", body: '{"usage":1}[{"prompt_tokens":5}]' },
    { title: "in a list of that name", body: '{"usage":[{"prompt_tokens":5}]}' },
  ];
  for (const { title, body } of deeper) {
    it(`is none ${title}`, () => {
      expect(read([body])).toEqual(none);
      expect(read([`data: ${body}\n\n`])).toEqual(none);
    });
  }

  const members = [
    { title: "a total that tells the output", json: { prompt_tokens: 5, total_tokens: 15 }, want: [5, 0, 10] },
    { title: "a total that tells the prompt", json: { completion_tokens: 5, total_tokens: 15 }, want: [10, 0, 5] },
    { title: "a total that is too small", json: { prompt_tokens: 5, total_tokens: 1 }, want: [5, 0, 0] },
    { title: "nulls beside", json: { prompt_tokens: null, input_tokens: 5, completion_tokens: null }, want: [5, 0, 0] },
    { title: "details of both names", json: { input_tokens_details: { cached_tokens: 2 } }, want: [0, 2, 0] },
    { title: "huge and odd numbers", json: { prompt_tokens: 1e300, completion_tokens: 1.5 }, want: [1e300, 0, 0] },
  ];
  for (const { title, json, want } of members) {
    it(`is read with ${title}`, () => {
      const [promptTokens, cachedTokens, outputTokens] = want;
      expect(read([JSON.stringify({ usage: json })])).toEqual({ promptTokens, cachedTokens, outputTokens });
    });
  }

  it("of SGLang is the meta_info of the last event, each telling all so far", () => {
    const event = (tokens: number) =>
      `data: {"text":"x","meta_info":{"id":"1","prompt_tokens":6,"completion_tokens":${tokens},"cached_tokens":2}}\n\n`;
    const stream = `${event(1)}${event(2)}${event(3)}data: [DONE]\n\n`;
    const usage = { promptTokens: 6, cachedTokens: 2, outputTokens: 3 };
    for (let cut = 0; cut <= stream.length; cut++) {
      const chunks = [stream.slice(0, cut), stream.slice(cut)];
      expect(told(chunks, "meta_info")).toEqual({ usage, outputEvents: 3 });
    }
    expect(read([stream])).toEqual(none);
  });
});

describe("output events", () => {
  const sent = '{"choices":[{"text":"a"}]}';
  const cases = [
    { title: "none in JSON", body: `{"a":"\\ndata: ${sent.replaceAll('"', "'")}"}`, want: 0 },
    { title: "none in text", body: "upstream connect error\n\n", want: 0 },
    { title: "one line each, where no line parts events", body: `data: ${sent}\ndata: ${sent}\n`, want: 2 },
    { title: "none without data", body: "data:\n\ndata: \n\ndata\n\n", want: 0 },
    { title: "none at the end of the stream", body: "data: [DONE]\n\ndata:[DONE]\n\n", want: 0 },
    { title: "none of other fields", body: `dat: ${sent}\nxdata: ${sent}\n data: ${sent}\n`, want: 0 },
    { title: "none of events that are no output", body: `event: ping\ndata: ${sent}\n\n`, want: 0 },
    { title: "those of a name until a line parts them", body: `event: ping\ndata: {}\n\ndata: ${sent}\n\n`, want: 1 },
    { title: "none that has not ended", body: `data: ${sent}`, want: 0 },
  ];
  for (const { title, body, want } of cases) {
    it(`are ${title}, cut anywhere (defect: the count of events is off by one on splits)`, () => {
      for (let cut = 0; cut <= body.length; cut++) {
        expect(told([body.slice(0, cut), body.slice(cut)]).outputEvents).toBe(want);
      }
    });
  }
});

/** Whether what an object holds would count as usage, were its key that of an envelope. */
function isEnvelope(value: unknown): boolean {
  return typeof value === "object" && value !== null && "usage" in value;
}

function cutAt(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const cuts = [0, ...[...places].sort((a, b) => a - b), bytes.length];
  return cuts.slice(1).map((end, i) => bytes.subarray(cuts[i], end));
}

it("tells the first chunk that is not empty", () => {
  const reader = createUsageReader();
  expect(["", "", "a", "", "b"].map((text) => reader.read(Buffer.from(text)))).toEqual([
    false,
    false,
    true,
    false,
    false,
  ]);
});

it("does not keep the bytes of a chunk", () => {
  const reader = createUsageReader();
  const chunk = Buffer.from('{"usage":{"prompt_tok');
  reader.read(chunk);
  chunk.fill(0);
  reader.read(Buffer.from('ens":5}}'));
  expect(reader.usage.promptTokens).toBe(5);
});
