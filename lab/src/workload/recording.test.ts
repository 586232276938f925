import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { sizeDelimitedEncode } from "@bufbuild/protobuf/wire";
import { RecordSchema } from "@outrider/protos/record";
import { describe, expect, it } from "vitest";
import type { Arrival } from "../contract/index.ts";
import { collect } from "./fixtures/collect.ts";
import { openRecordingWorkload, recordingPart } from "./recording.ts";

type Entry = NonNullable<MessageInitShape<typeof RecordSchema>["entry"]>;

const header: Entry = { case: "header", value: { format: "outrider.record.v1", atMs: 5_000 } };

/** Facts and decision of a request with these block hashes, one word each. */
function decided(
  decisionId: string,
  atMs: number,
  hashes: readonly number[],
  facts: object = {},
  blockSize = 64,
): Entry[] {
  const words = BigUint64Array.from(hashes, (hash) => BigInt(hash) * 0x1_0000_0001n);
  const blockHashesU64le = new Uint8Array(words.buffer);
  return [
    { case: "facts", value: { decisionId, facts: { blockHashesU64le, blockSize } } },
    {
      case: "decision",
      value: { decisionId, atMs, destination: [0], facts: { model: "m", promptTokens: 200, ...facts } },
    },
  ];
}

function done(decisionId: string, value: object = {}): Entry {
  const ok = { cause: "ok", promptTokens: 200, outputTokens: 40, ...value };
  return { case: "feedback", value: { decisionId, event: { event: { case: "done", value: ok } } } };
}

function sizeOf(entry: Entry): number {
  return sizeDelimitedEncode(RecordSchema, create(RecordSchema, { entry })).length;
}

function write(entries: readonly Entry[], cutBytes = 0): string {
  const path = join(mkdtempSync(join(tmpdir(), "outrider-workload-")), "live.rec");
  const bytes = entries.map((entry) => sizeDelimitedEncode(RecordSchema, create(RecordSchema, { entry })));
  const whole = Buffer.concat(bytes);
  writeFileSync(path, whole.subarray(0, whole.length - cutBytes));
  return path;
}

const read = (entries: readonly Entry[], cutBytes = 0): Promise<readonly Arrival[]> =>
  collect(openRecordingWorkload(write(entries, cutBytes)).open(1));

/** The only arrival of a recording. */
async function readOne(entries: readonly Entry[]): Promise<Arrival["request"]> {
  const arrivals = await read([header, ...entries]);
  expect(arrivals).toHaveLength(1);
  return arrivals[0]!.request;
}

describe("a recording that cannot be read", () => {
  const broken = [
    { title: "is not there", path: "/nowhere/live.rec", want: /nowhere\/live\.rec cannot be read: ENOENT/ },
    { title: "is none", path: write([]), want: /live\.rec cannot be read: .* byte 0: the file ends before/ },
    { title: "begins otherwise", path: write([done("d")]), want: /begins with a header, this file with feedback/ },
  ];
  for (const { title, path, want } of broken) {
    it(`is a fault of the scenario where it ${title}`, async () => {
      const reading = collect(openRecordingWorkload(path).open(1));
      await expect(reading).rejects.toMatchObject({ code: "SCENARIO_INVALID", message: expect.stringMatching(want) });
    });
  }

  const specs = [
    { title: "no file", spec: { kind: "recording" }, want: "file" },
    { title: "an unknown member", spec: { kind: "recording", file: "a", arrivals: {} }, want: "arrivals" },
    { title: "a speed of 0", spec: { kind: "recording", file: "a", speed: 0 }, want: "speed" },
  ];
  for (const { title, spec, want } of specs) {
    it(`is refused with ${title}`, () => {
      expect(JSON.stringify(recordingPart.safeParse(spec).error?.issues)).toContain(want);
    });
  }

  it("gives what it has where it is cut short", async () => {
    const entries = [header, ...decided("a", 5_010, [1]), done("a"), ...decided("b", 5_020, [1]), done("b")];
    expect(await read(entries, 3)).toHaveLength(2);
    expect((await read(entries, sizeOf(done("b")) + 1)).map(({ atMs }) => atMs)).toEqual([0]);
  });
});

describe("a recording as a workload", () => {
  it("brings requests in the order in which their decisions began, the first at 0", async () => {
    const [factsA, decisionA] = decided("a", 5_010, [1]);
    const [factsB, decisionB] = decided("b", 5_030, [1]);
    const arrivals = await read([
      ...[header, factsA!, factsB!, decisionB!, decisionA!, done("b", { outputTokens: 2 })],
      ...[done("a", { outputTokens: 1 }), ...decided("c", 5_025, [1]), done("c", { outputTokens: 3 })],
    ]);
    expect(arrivals.map(({ atMs, request }) => [atMs, request.outputTokens])).toEqual([
      [0, 1],
      [20, 2],
      [20, 3],
    ]);
  });

  it("takes lengths as the model server counted them, and keeps what clients asked for", async () => {
    const facts = {
      ...{ model: "adapter", promptTokens: 90, maxOutputTokens: 300, sloTtftMs: 500, sloTpotMs: 20, objective: "chat" },
      ...{ fairnessId: "team", sessionKey: "user-7", headers: { "x-tier": "gold", "x-session-id": "user-7" } },
    };
    const request = await readOne([
      ...decided("a", 5_010, [1], facts),
      done("a", { promptTokens: 70, outputTokens: 33 }),
    ]);
    expect(request).toMatchObject({
      ...{ model: "adapter", promptTokens: 70, outputTokens: 33, maxOutputTokens: 300, sloTtftMs: 500, sloTpotMs: 20 },
      ...{ part: "recording", abortAfterMs: 0 },
      headers: {
        "x-tier": "gold",
        "x-llm-d-inference-objective": "chat",
        "x-llm-d-inference-fairness-id": "team",
      },
    });
    expect(request.sessionKey).toMatch(/^[\w-]{16}$/);
    expect(JSON.stringify(request)).not.toContain("user-7");
  });

  it("lets clients give up where they did", async () => {
    const request = await readOne([
      ...decided("a", 5_010, [1]),
      done("a", { cause: "client_cancelled", outputTokens: 3, e2eMs: 450 }),
    ]);
    expect(request).toMatchObject({ abortAfterMs: 450, outputTokens: 128 });
  });

  it("guesses the answers whose end it has not: the client's limit, else the mean so far", async () => {
    const arrivals = await read([
      ...[header, ...decided("a", 5_000, [1]), done("a", { outputTokens: 20 })],
      ...[...decided("b", 5_001, [1]), done("b", { outputTokens: 41 })],
      ...[...decided("c", 5_002, [1], { maxOutputTokens: 9 }), ...decided("d", 5_003, [1])],
    ]);
    expect(arrivals.map(({ request }) => request.outputTokens)).toEqual([20, 41, 9, 31]);
  });

  it("goes on behind a gap, and leaves out what was never decided", async () => {
    const [facts] = decided("lost", 5_001, [1]);
    const arrivals = await read([header, facts!, header, ...decided("a", 5_010, [1]), done("a")]);
    expect(arrivals).toHaveLength(1);
  });

  const sizes = [
    { blockSize: 64, hashes: [1, 2], promptTokens: 200, keys: 8 },
    { blockSize: 64, hashes: [1, 2], promptTokens: 100, keys: 6 },
    { blockSize: 16, hashes: [1, 2, 3], promptTokens: 60, keys: 3 },
    { blockSize: 8, hashes: [1, 2, 3, 4, 5], promptTokens: 60, keys: 2 },
    { blockSize: 24, hashes: [1, 2], promptTokens: 60, keys: 3 },
  ];
  for (const { blockSize, hashes, promptTokens, keys } of sizes) {
    it(`makes ${keys} keys of ${hashes.length} blocks of ${blockSize} in ${promptTokens} tokens`, async () => {
      const { blockKeys } = await readOne([...decided("a", 5_010, hashes, {}, blockSize), done("a", { promptTokens })]);
      expect(blockKeys).toHaveLength(keys);
      expect(new Set(blockKeys).size).toBe(keys);
      expect(blockKeys.every((key) => Number.isSafeInteger(key) && key >= 0)).toBe(true);
    });
  }

  it("has the same keys for the same prefix, and others behind it", async () => {
    const arrivals = await read([
      ...[header, ...decided("a", 5_000, [1, 2, 3]), done("a"), ...decided("b", 5_001, [1, 2, 4]), done("b")],
    ]);
    const [one, other] = arrivals.map(({ request }) => [...request.blockKeys]);
    expect(one!.slice(0, 8)).toEqual(other!.slice(0, 8));
    expect(one!.slice(8).filter((key) => other!.includes(key))).toEqual([]);
  });

  it("is the same each time, also at another speed but for the times", async () => {
    const path = write([header, ...decided("a", 5_000, [1]), done("a"), ...decided("b", 5_100, [1]), done("b")]);
    const part = recordingPart.parse({ kind: "recording", file: path, speed: 4, limit: 2, model: "other" });
    if (part.kind !== "recorded") throw new Error("a recording is recorded");
    const context = { name: "live", seed: 9, space: 5, folder: "/", shownFolder: "" };
    const fast = await collect(part.open(context));
    const once = await collect(openRecordingWorkload(path).open(1));
    expect(await collect(openRecordingWorkload(path).open(2))).toEqual(once);
    expect(fast.map(({ atMs }) => atMs)).toEqual([0, 25]);
    expect(fast[1]!.request).toEqual({ ...once[1]!.request, part: "live", model: "other" });
  });
});
