import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import type { Arrival } from "../contract/index.ts";
import { collect } from "./fixtures/collect.ts";
import { tracePart } from "./trace.ts";

const folder = mkdtempSync(join(tmpdir(), "outrider-trace-"));
afterAll(() => rmSync(folder, { recursive: true }));

const row = (timestamp: number, input_length: number, hash_ids: readonly number[], more: object = {}) =>
  JSON.stringify({ timestamp, input_length, output_length: 10, hash_ids, ...more });

/** Arrivals of a trace with this content. */
async function read(text: string, spec: object = {}): Promise<readonly Arrival[]> {
  writeFileSync(join(folder, "trace.jsonl"), text);
  const part = tracePart.parse({ kind: "trace", file: "trace.jsonl", ...spec });
  if (part.kind !== "recorded") throw new Error("a trace is recorded");
  const context = { name: "trace", seed: 1, space: 5, folder, shownFolder: "examples" };
  return collect(part.open(context));
}

const good = `${row(0, 16, [1])}\n`;
const faulty = [
  { title: "text that is no JSON", text: `${good}{"timestamp":`, want: /:2:1 is no JSON object: / },
  { title: "a row that is no object", text: "[1, 2]\n", want: /:1:1 is no JSON object: "\[1, 2\]"/ },
  {
    title: "a missing time",
    text: '{"input_length":1,"output_length":1,"hash_ids":[1]}',
    want: /:1:1 timestamp: is missing$/,
  },
  {
    title: "a missing length",
    text: `${good}{"timestamp":1,"output_length":1,"hash_ids":[]}`,
    want: /:2:1 input_length: is missing$/,
  },
  {
    title: "missing block ids",
    text: '{"timestamp":1,"input_length":1,"output_length":1}',
    want: /:1:1 hash_ids: is missing$/,
  },
  {
    title: "a prompt of no length",
    text: row(0, 0, []),
    want: /input_length: must be a whole number of tokens from 1, is "0"/,
  },
  {
    title: "an answer of no length",
    text: row(0, 16, [1], { output_length: 0 }),
    want: /output_length: must be a whole number of tokens from 1, is "0"/,
  },
  { title: "a length that is text", text: row(0, 16, [1], { input_length: "16" }), want: /input_length: must be/ },
  { title: "a negative time", text: row(-5, 16, [1]), want: /timestamp: must be a time in ms from 0, is "-5"/ },
  {
    title: "times that go backwards",
    text: `${row(9, 16, [1])}\n${row(10, 16, [1])}\n\n${row(3, 16, [1])}\n`,
    want: /:4:1 timestamp: goes back from 10 to 3 \(sort the rows by timestamp\)/,
  },
  {
    title: "too few block ids",
    text: row(0, 1025, [1, 2]),
    want: /hash_ids: must have 3 ids for 1025 tokens in blocks of 512, has 2 \(blockTokens: /,
  },
  {
    title: "a block id that is no whole number",
    text: row(0, 600, [1, 0.5]),
    want: /hash_ids\[1\]: must be a whole number, is "0.5"/,
  },
  { title: "a line without end", text: "x".repeat(17 * 2 ** 20), want: /:1:1 is longer than 16 MiB/ },
];

describe("trace, given a faulty file,", () => {
  for (const { title, text, want } of faulty) {
    it(`names ${title} and its line`, async () => {
      await expect(read(text)).rejects.toMatchObject({
        code: "SCENARIO_INVALID",
        message: expect.stringMatching(want) as string,
      });
      await expect(read(text)).rejects.toThrow(/^examples\/trace.jsonl:\d+:1 /);
    });
  }

  it("names a file that is not there", async () => {
    await expect(read(good, { file: "none.jsonl" })).rejects.toThrow(
      /^examples\/none.jsonl:1:1 cannot be read: ENOENT/,
    );
  });
});

describe("trace", () => {
  const many = [row(1000, 1040, [7, 8, 9]), row(1000, 520, [7, 8]), row(4000, 512, [6])].join("\n");

  it("starts at its first row and keeps times and lengths", async () => {
    const arrivals = await read(`${many}\n`);
    expect(arrivals.map(({ atMs }) => atMs)).toEqual([0, 0, 3000]);
    expect(arrivals[0]?.request).toMatchObject({ promptTokens: 1040, outputTokens: 10, part: "trace" });
  });

  it("gives equal leading ids equal keys, one for each 16 tokens", async () => {
    const [a, b, c] = (await read(many)).map(({ request }) => [...request.blockKeys]);
    expect([a, b, c].map((keys) => keys!.length)).toEqual([65, 32, 32]);
    expect(a!.slice(0, 32)).toEqual(b);
    expect(c!.some((key) => a!.includes(key))).toBe(false);
    expect(new Set(a).size).toBe(65);
  });

  it("is replayed faster and cut", async () => {
    const arrivals = await read(many, { speed: 2, limit: 3 });
    expect(arrivals.map(({ atMs }) => atMs)).toEqual([0, 0, 1500]);
    expect(await read(many, { limit: 1 })).toHaveLength(1);
  });

  it("does not look at rows behind its limit", async () => {
    expect(await read(`${many}\nrubbish`, { limit: 3 })).toHaveLength(3);
  });

  it("spreads rows of one moment evenly, at most until the next", async () => {
    const rows = [0, 0, 0, 0, 1000, 1000, 9000].map((time) => row(time, 16, [1])).join("\n");
    const times = async (spec: object) => (await read(rows, spec)).map(({ atMs }) => atMs);
    expect(await times({ spread: "3s" })).toEqual([0, 250, 500, 750, 1000, 2500, 9000]);
    expect(await times({ spread: "3s", speed: 2 })).toEqual([0, 125, 250, 375, 500, 1250, 4500]);
  });

  it("reads a long trace piece by piece", async () => {
    const lines = Array.from({ length: 1000 }, (_, i) => row(i, 32, [i])).join("\n");
    const path = join(folder, "long.jsonl");
    writeFileSync(path, "");
    for (let i = 0; i < 100; i++) {
      const later = lines.replaceAll(/"timestamp":(\d+)/g, (_, time) => `"timestamp":${Number(time) + 1000 * i}`);
      writeFileSync(path, `${later}\n`, { flag: "a" });
    }
    const part = tracePart.parse({ kind: "trace", file: "long.jsonl" });
    if (part.kind !== "recorded") throw new Error("a trace is recorded");
    let count = 0;
    let largest = 0;
    for await (const batch of part.open({ name: "trace", seed: 1, space: 5, folder, shownFolder: "" })) {
      count += batch.length;
      largest = Math.max(largest, batch.length);
    }
    expect(count).toBe(100_000);
    expect(largest).toBeLessThan(10_000);
  });
});
