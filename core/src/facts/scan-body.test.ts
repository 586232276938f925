import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { anyShape, defineShape } from "./body-shape.ts";
import { toChunks } from "./fixtures/to-chunks.ts";
import { scanBody as scanWhole } from "./scan-body.ts";

/** A scan with its top level beside it. */
function scanBody(chunks: readonly Uint8Array[], shape = anyShape) {
  const scan = scanWhole(chunks, shape);
  if (scan.kind === "fault") return scan;
  const { top, ...rest } = scan;
  return { ...top, ...rest };
}

function faultOf(body: string | Uint8Array): string {
  const scan = scanBody(toChunks(body));
  return scan.kind === "fault" ? scan.message : "";
}

describe("bad input", () => {
  const notAnObject = "request body is not a JSON object";
  const cases: readonly { title: string; body: string | Uint8Array; message: string }[] = [
    { title: "an empty body", body: "", message: notAnObject },
    { title: "white space", body: " \r\n\t", message: notAnObject },
    { title: "text", body: "no healthy upstream", message: notAnObject },
    { title: "an array", body: '[{"model":"m"}]', message: notAnObject },
    { title: "a string", body: '"model"', message: notAnObject },
    { title: "UTF-16", body: Buffer.from('{"model":"m"}', "utf16le"), message: "expected a key in quotes" },
    { title: "a model that is a number", body: '{"model":5}', message: "must be a string" },
    { title: "a model that is an object", body: '{"model":{"a":"m"}}', message: "must be a string" },
    { title: "a model with a wrong escape", body: '{"model":"\\x"}', message: "must be a string" },
    { title: "a model repeated with a wrong type", body: '{"model":"m","model":1}', message: "must be a string" },
    { title: "a key without quotes", body: "{model:1}", message: "expected a key in quotes" },
    { title: "no colon", body: '{"model" "m"}', message: "expected ':'" },
    { title: "no value", body: '{"model":}', message: "expected a value" },
    { title: "no comma", body: '{"model":"m" "a":1}', message: "expected ','" },
    { title: "a comma too many", body: '{"model":"m",}', message: "expected a key in quotes" },
    { title: "something behind the object", body: '{"model":"m"} {}', message: "expected nothing behind" },
  ];
  for (const { title, body, message } of cases)
    it(`finds fault with ${title}`, () => expect(faultOf(body)).toContain(message));

  it("finds that a body ends early wherever it is cut", () => {
    const body = Buffer.from('{"a":[1,{"b":"\\"]"}],"c":"\\\\","d":12,"model":"m\\u00e9","e":true}');
    for (let end = 1; end < body.length; end++) expect(faultOf(body.subarray(0, end))).toContain("ends early");
  });

  const unnamed = [
    { title: "no model", body: '{"prompt":"p"}', modelSpans: [{ start: 1, end: 1 }] },
    { title: "an empty object", body: " { }", modelSpans: [] },
    {
      title: "a model inside another value only",
      body: ' { "a":{"model":"m"},"b":["model","m"]}',
      modelSpans: [{ start: 2, end: 2 }],
    },
    { title: "an empty model", body: '{"model":""}', modelSpans: [{ start: 9, end: 11 }] },
    { title: "a model of null", body: '{"model": null}', modelSpans: [{ start: 10, end: 14 }] },
  ];
  for (const { title, body, modelSpans } of unnamed) {
    it(`tells no model, and where one could stand, with ${title}`, () => {
      expect(scanBody(toChunks(body))).toMatchObject({ kind: "ok", model: "", modelSpans });
    });
  }

  it("names the byte", () => expect(faultOf('{"model":"m";}')).toContain("(byte 12)"));

  const passed = [
    { title: "a wrong word", body: '{"model":"m","a":nul}' },
    { title: "brackets that do not match", body: '{"model":"m","a":[}}' },
    { title: "a line break in a string", body: '{"model":"m","a":"\n"}' },
    { title: "a wrong escape", body: '{"a":"\\q","model":"m"}' },
    { title: "bytes that are no UTF-8", body: Buffer.from('{"a":"\xff\xfe","model":"m"}', "latin1") },
  ];
  for (const { title, body } of passed) {
    it(`leaves ${title} in a value nobody reads to the model server`, () => {
      expect(scanBody(toChunks(body))).toMatchObject({ kind: "ok", model: "m" });
    });
  }

  const ignored = ['"yes"', "1", "null", "[true]", "tru"];
  for (const value of ignored) {
    it(`takes ${value} as stream for false`, () => {
      expect(scanBody(toChunks(`{"model":"m","stream":${value}}`))).toMatchObject({ stream: false });
    });
  }

  const noCap = ['"5"', "-1", "0", "1.5", "null", "1e999", "0x10", "{}"];
  for (const value of noCap) {
    it(`takes ${value} as max_tokens for none`, () => {
      expect(scanBody(toChunks(`{"model":"m","max_tokens":${value}}`))).toMatchObject({ maxOutputTokens: 0 });
    });
  }

  it("replaces bytes of a model that are no UTF-8", () => {
    const body = Buffer.from('{"model":"m\xff"}', "latin1");
    expect(scanBody([body])).toMatchObject({ kind: "ok", model: "m\ufffd" });
  });

  it("reads a model of 1 MB, and one behind 1 MB", () => {
    const long = "m".repeat(1 << 20);
    expect(scanBody(toChunks(JSON.stringify({ model: long }), [7, 100, 5_000]))).toMatchObject({ model: long });
    expect(scanBody(toChunks(JSON.stringify({ a: long, model: "m" })))).toMatchObject({ model: "m" });
  });

  it("goes through a million open brackets", () => {
    const deep = `{"a":${"[".repeat(1e6)}${"]".repeat(1e6)},"model":"m"}`;
    expect(scanBody(toChunks(deep))).toMatchObject({ kind: "ok", model: "m" });
    expect(faultOf(`{"a":${"[".repeat(1e6)}`)).toContain("ends early");
  });
});

describe("a body", () => {
  it("tells model, stream, output cap and cache salt", () => {
    const body = ' { "model" : "m" , "stream":true,"max_tokens":7,"cache_salt":"s", "messages":[{"content":"x"}] } \n';
    expect(scanBody(toChunks(body))).toEqual({
      promptSpan: undefined,
      isOpaque: false,
      kind: "ok",
      model: "m",
      modelSpans: [{ start: 13, end: 16 }],
      stream: true,
      maxOutputTokens: 7,
      cacheSalt: "s",
    });
  });

  it("may begin with a byte order mark", () => {
    expect(scanBody(toChunks('\ufeff{"model":"m"}', [1, 1]))).toMatchObject({ model: "m" });
  });

  it("may write its keys with escapes", () => {
    expect(scanBody(toChunks('{"\\u006dod\\u0065l":"m","m\\u0041":1}'))).toMatchObject({ model: "m" });
  });

  const caps = [
    { fields: '"max_tokens":5,"max_completion_tokens":6', want: 6 },
    { fields: '"max_output_tokens":4', want: 4 },
    { fields: '"max_completion_tokens":null,"max_tokens":5', want: 5 },
    { fields: '"max_tokens":1e3', want: 1_000 },
    { fields: '"max_tokens":99999999999', want: 2 ** 32 - 1 },
  ];
  for (const { fields, want } of caps) {
    it(`takes ${want} as the output cap of ${fields}`, () => {
      expect(scanBody(toChunks(`{"model":"m",${fields}}`))).toMatchObject({ maxOutputTokens: want });
    });
  }

  it("may hold long strings, empty chunks and quotes behind any run of backslashes", () => {
    for (const run of [0, 1, 2, 3, 63, 64, 65, 200]) {
      const body = JSON.stringify({ a: `${"\\".repeat(run)}"${"x".repeat(300)}"${"\\".repeat(run)}`, model: "m" });
      for (const sizes of [[], [0, 9, 0], Array<number>(body.length).fill(1)]) {
        expect(scanBody(toChunks(body, sizes))).toMatchObject({ kind: "ok", model: "m" });
      }
    }
  });
});

const key = fc.oneof(
  fc.constantFrom("model", "stream", "max_tokens", "max_completion_tokens", "max_output_tokens", "cache_salt"),
  fc.constantFrom("prompt", "messages"),
  fc.string(),
);
const value = fc.oneof(
  fc.constantFrom("m", "", true, false, null, 5, -1, 1.5),
  fc.string({ unit: "binary", minLength: 40, maxLength: 400 }),
  fc.jsonValue(),
);
const members = fc.array(fc.tuple(key, value, fc.boolean()), { maxLength: 8 });

/** JSON of one string, every character as an escape if wished. */
function write(text: string, escaped: boolean): string {
  if (!escaped) return JSON.stringify(text);
  const units = Array.from({ length: text.length }, (_, i) => text.charCodeAt(i).toString(16).padStart(4, "0"));
  return `"${units.map((unit) => `\\u${unit}`).join("")}"`;
}

const shape = { ...anyShape, textMember: "prompt" };

it("reads any JSON object in any chunks as JSON.parse does", () => {
  fc.assert(
    fc.property(members, fc.array(fc.nat(40)), fc.constantFrom("", " ", "\n\t"), (list, sizes, space) => {
      const texts = list.map(
        ([name, v, escaped]) => `${space}${write(name, escaped)}${space}:${space}${JSON.stringify(v)}`,
      );
      const body = `{${texts.join(",")}${space}}${space}`;
      const parsed = JSON.parse(Buffer.from(body).toString()) as Record<string, unknown>;
      const scan = scanBody(toChunks(body, sizes), shape);
      if (typeof (parsed.model ?? "") !== "string") {
        expect(scan.kind).toBe("fault");
        return;
      }
      const cap = [parsed.max_completion_tokens, parsed.max_tokens, parsed.max_output_tokens].find(
        (tokens) => Number.isInteger(tokens) && (tokens as number) > 0,
      );
      expect(scan).toMatchObject({
        kind: "ok",
        model: parsed.model ?? "",
        modelSpans: expect.anything(),
        stream: parsed.stream === true,
        maxOutputTokens: Math.min(Number(cap ?? 0), 2 ** 32 - 1),
        cacheSalt: typeof parsed.cache_salt === "string" ? parsed.cache_salt : "",
      });
      const prompt = scan.kind === "ok" ? scan.promptSpan : undefined;
      expect(prompt !== undefined).toBe(typeof parsed.prompt === "string" && parsed.prompt !== "");
      if (prompt !== undefined) {
        expect(JSON.parse(Buffer.from(body).subarray(prompt.start, prompt.end).toString())).toBe(parsed.prompt);
      }
      const last = scan.kind === "ok" ? scan.modelSpans.at(-1) : undefined;
      if (last === undefined || last.start === last.end) {
        expect(Object.hasOwn(parsed, "model")).toBe(false);
        return;
      }
      expect(JSON.parse(Buffer.from(body).subarray(last.start, last.end).toString())).toBe(parsed.model);
    }),
    { numRuns: 1_000 },
  );
});

describe("a required member", () => {
  const refusal = "must have it";
  const forms = {
    list: ["list"],
    text: ["text"],
    "text or list": ["list", "text"],
    anything: ["list", "text", "empty", "other"],
  };
  const values = {
    nothing: ["null", " null "],
    empty: ['""', "[]", "[ \n ]"],
    text: ['"a"', '"\\n"', '" "'],
    list: ["[0]", "[[]]", "[{}]", '[""]', " [ null ] "],
    other: ["0", "5", "true", "false", "{}", '{"a":[1]}', "nul"],
  };
  for (const [form, wanted] of Object.entries(forms)) {
    const shape = defineShape({ required: { it: form as "list", or: "list" }, refusal });
    for (const [kind, texts] of Object.entries(values)) {
      const isWanted = wanted.includes(kind);
      it(`in the form of ${form} is ${isWanted ? "there" : "missing"} with ${texts.join(" ")}`, () => {
        for (const text of texts) {
          for (const sizes of [[], Array<number>(30).fill(1)]) {
            const scan = scanBody(toChunks(`{"model":"m","it":${text},"else":[]}`, sizes), shape);
            expect(scan.kind === "fault" ? scan.message : "").toBe(isWanted ? "" : refusal);
          }
        }
      });
    }
    it(`in the form of ${form} is missing where it is not there`, () => {
      expect(scanBody(toChunks('{"model":"m"}'), shape)).toEqual({ kind: "fault", message: refusal });
    });
  }

  it("may be another one in its place", () => {
    const shape = defineShape({ required: { it: "text", or: "list" }, refusal });
    expect(scanBody(toChunks('{"it":null,"or":[1]}'), shape).kind).toBe("ok");
  });

  it("counts as its last one says where it repeats", () => {
    const shape = defineShape({ required: { it: "list" }, refusal });
    expect(scanBody(toChunks('{"it":[1],"it":[]}'), shape).kind).toBe("fault");
    expect(scanBody(toChunks('{"it":[],"it":[1]}'), shape).kind).toBe("ok");
  });
});

describe("parameters of sampling", () => {
  const shape = defineShape({ required: {}, refusal: "", samplingCap: "max_new_tokens", cacheSalt: "extra_key" });
  const cases = [
    { body: '{"sampling_params":{"max_new_tokens":9}}', want: { maxOutputTokens: 9 } },
    { body: '{"sampling_params":{"max_new_tokens":9},"max_tokens":5}', want: { maxOutputTokens: 9 } },
    { body: '{"sampling_params":{"max_new_tokens":null},"max_tokens":5}', want: { maxOutputTokens: 5 } },
    { body: '{"sampling_params":[{"max_new_tokens":9}]}', want: { maxOutputTokens: 0 } },
    { body: '{"sampling_params":null,"extra_key":"k","cache_salt":"s"}', want: { maxOutputTokens: 0, cacheSalt: "k" } },
    { body: '{"sampling_params":{"max_new_tokens":-1}}', want: { maxOutputTokens: 0 } },
    { body: '{"sampling_params":{max_new_tokens:1},"extra_key":["k"]}', want: { maxOutputTokens: 0, cacheSalt: "" } },
  ];
  for (const { body, want } of cases) {
    it(`of ${body} tell ${JSON.stringify(want)}`, () => expect(scanBody(toChunks(body), shape)).toMatchObject(want));
  }
});

it("answers for any bytes", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.constantFrom("", "{", '{"model":"m",'), (bytes, start) => {
      expect(["ok", "fault"]).toContain(scanBody([Buffer.from(start), bytes]).kind);
    }),
  );
});
