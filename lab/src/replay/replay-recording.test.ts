import { createLog, RecordingError } from "@outrider/host";
import type { Record as RecordEntry } from "@outrider/protos/record";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { openRecordedHost, type RecordedHost } from "./fixtures/recorded-host.ts";
import { Answers, createTypes } from "./fixtures/types.ts";
import { toBytes, toRecord, writeBytes } from "./fixtures/write-recording.ts";
import { replayRecording } from "./replay-recording.ts";
import type { ReplayReport } from "./replay-report.ts";

const log = createLog(0);

/** A configuration of one profile. @param scorers names with weights. */
function toConfig(scorers: Readonly<Record<string, number>>, producers: readonly string[] = []): string {
  const plugins = [...Object.keys(scorers), ...producers];
  return `apiVersion: outrider.dev/v1alpha1
kind: EndpointPickerConfig
plugins:
${plugins.map((type) => `- { type: ${type}, budget: 1s }`).join("\n")}
- { type: max-score-picker, parameters: { tieBreak: first } }
budget: 1s
schedulingProfiles:
- name: default
  plugins:
${Object.entries(scorers)
  .map(([type, weight]) => `  - { pluginRef: ${type}, weight: ${weight} }`)
  .join("\n")}
  - { pluginRef: max-score-picker }
`;
}

function replay(
  records: readonly RecordEntry[] | Uint8Array,
  text?: string,
  answers = new Answers(),
): Promise<ReplayReport> {
  const path = writeBytes(records instanceof Uint8Array ? records : toBytes(records));
  const config = text === undefined ? undefined : { name: "other.yaml", bytes: Buffer.from(text), folder: "/" };
  return replayRecording({ path, config, catalogue: createTypes(answers), show: 5, log });
}

/** Three endpoints: the queue is shortest where the cache is fullest. */
function fill({ table }: RecordedHost, atMs = 900): void {
  for (const [i, id] of ["a", "b", "c"].entries()) {
    const slot = table.upsert({ id, address: `10.0.0.${i + 1}:80`, labels: { zone: `z${i}` } });
    table.setReady(slot, true);
    table.setValue(slot, "waiting_requests", i * 2, atMs);
    table.setValue(slot, "kv_cache_usage", 0.9 - i * 0.25, atMs);
  }
  table.publish(atMs);
}

async function recordSmall(config: string): Promise<readonly RecordEntry[]> {
  const host = await openRecordedHost(config, createTypes());
  fill(host);
  for (let i = 0; i < 4; i++) {
    const routed = await host.ask(1_000 + i * 10);
    if (routed.kind === "routed") routed.end("ok");
  }
  host.table.setReady(host.table.slotOf("a"), false);
  host.table.publish(1_100);
  await host.ask(1_101);
  host.table.setReady(host.table.slotOf("a"), true);
  host.table.setReady(host.table.slotOf("c"), false);
  host.table.publish(1_200);
  await host.ask(1_201);
  return end(host);
}

/** All that was recorded. */
async function end(host: RecordedHost): Promise<readonly RecordEntry[]> {
  const records = await host.read();
  await host.stop();
  return records;
}

const byQueue = toConfig({ emptiest: 1 });

describe("bad recordings", () => {
  it("are refused where they are none", async () => {
    await expect(replay(Buffer.from("no recording at all, whatever it says"))).rejects.toThrow(RecordingError);
  });

  it("need a configuration from somewhere", async () => {
    const header = toRecord({ case: "header", value: { format: "outrider.record.v1" } });
    await expect(replay([header])).rejects.toThrow("the recording has no configuration: name one with --config");
    await expect(replay([header], byQueue)).resolves.toMatchObject({ replayed: 0, agreement: null });
  });

  it("are refused with every fault of the configuration", async () => {
    await expect(replay(await recordSmall(byQueue), "plugins: [")).rejects.toThrow(/other\.yaml:1:/);
  });

  const broken: readonly {
    readonly title: string;
    readonly spoil: (records: RecordEntry[]) => RecordEntry[];
    readonly skipped: object;
  }[] = [
    {
      title: "decisions without their beginning",
      spoil: (records) => records.filter(({ entry }) => entry.case !== "facts"),
      skipped: { without_beginning: 6 },
    },
    {
      title: "decisions without their end",
      spoil: (records) => records.filter(({ entry }) => entry.case !== "decision"),
      skipped: { not_concluded: 6 },
    },
    {
      title: "decisions without their table",
      spoil: (records) => records.filter(({ entry }) => entry.case !== "snapshot"),
      skipped: { unknown_table: 6 },
    },
    {
      title: "decisions on a table that has moved on",
      spoil: (records) => records.filter(({ entry }, i) => entry.case !== "snapshot" || i < 4),
      skipped: { unknown_table: 2 },
    },
    {
      title: "candidates that are no endpoints",
      spoil: (records) => {
        for (const { entry } of records) if (entry.case === "decision") entry.value.candidates = [7];
        return records;
      },
      skipped: { unknown_endpoints: 6 },
    },
  ];
  for (const { title, spoil, skipped } of broken) {
    it(`are made again without ${title}, which are counted`, async () => {
      const report = await replay(spoil([...(await recordSmall(byQueue))]));
      expect(report.skipped).toEqual(skipped);
      expect([report.recording.decisions, report.identical]).toEqual([6, report.replayed]);
    });
  }

  it("are read up to wherever they are cut", async () => {
    const records = await recordSmall(byQueue);
    const bytes = toBytes(records);
    const head = toBytes(records.slice(0, 1)).length;
    let last = 0;
    for (const share of [0, 0.2, 0.5, 0.8, 1]) {
      const kept = head + Math.floor(share * (bytes.length - head));
      const report = await replay(bytes.subarray(0, kept));
      expect([report.agrees, report.identical]).toEqual([true, report.replayed]);
      expect(report.replayed).toBeGreaterThanOrEqual(last);
      last = report.replayed;
    }
    expect(last).toBe(6);
  });

  it("never end otherwise than with a report or an error that says where", async () => {
    const bytes = toBytes(await recordSmall(byQueue));
    const spoilt = fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(spoilt, async (changes) => {
        const copy = Buffer.from(bytes);
        for (const [at, value] of changes) copy[at] = value;
        const outcome = await replay(copy, byQueue).catch((cause: unknown) => cause);
        if (outcome instanceof Error) expect(outcome).toBeInstanceOf(RecordingError);
        else expect((outcome as ReplayReport).replayed).toBeLessThanOrEqual(6);
      }),
      { seed: 31, numRuns: 150, endOnFailure: true },
    );
  }, 60_000);
});

describe("the recorded configuration", () => {
  it("decides as it did", async () => {
    const report = await replay(await recordSmall(byQueue));
    expect(report).toMatchObject({
      agrees: true,
      recording: { isWhole: true, parts: 1, decisions: 6 },
      configuration: { isRecorded: true },
      replayed: 6,
      identical: 6,
      agreement: 1,
      matrix: [],
    });
  });

  it("is known by its text where a file names it", async () => {
    const records = await recordSmall(byQueue);
    expect(await replay(records, byQueue)).toMatchObject({ configuration: { isRecorded: true }, identical: 6 });
    expect(await replay(records, `${byQueue}# other\n`)).toMatchObject({ configuration: { isRecorded: false } });
  });

  it("does not agree with a recording that says otherwise, and says where it first differs", async () => {
    const records = await recordSmall(byQueue);
    const { entry } = records.find((record) => record.entry.case === "decision")!;
    if (entry.case !== "decision") throw new Error("no decision");
    entry.value.profiles[0]!.scorers[0]!.scores[1] = 0.25;
    const report = await replay(records);
    expect(report).toMatchObject({ agrees: false, identical: 5, samePick: 6, learnedBefore: 0 });
    expect(report.differences).toEqual([
      {
        decisionId: entry.value.decisionId,
        source: "scorer",
        name: "emptiest",
        what: expect.stringContaining("for its candidate 1, then 0.25"),
        isLearnedBefore: false,
      },
    ]);
  });

  it("counts weights that an operator had set for a while", async () => {
    const host = await openRecordedHost(toConfig({ emptiest: 1, coolest: 1 }), createTypes());
    fill(host);
    await host.ask(1_000);
    host.weigh("default", new Map([["emptiest", 9]]));
    await host.ask(1_001);
    host.weigh("default", new Map([["emptiest", 0]]));
    await host.ask(1_002);
    host.weigh("default", new Map());
    await host.ask(1_003);
    expect(await replay(await end(host))).toMatchObject({ identical: 4, replayed: 4 });
  });

  it("starts anew from nothing behind a gap, where nobody knows what was learned", async () => {
    const host = await openRecordedHost(toConfig({ learner: 1 }), createTypes());
    fill(host);
    for (let i = 0; i < 20; i++) await host.ask(1_000 + i);
    const later = await end(host);
    const [header, snapshot] = later;
    if (header?.entry.case !== "header") throw new Error("no header");
    header.entry.value.decidedBefore = 5;
    const gone = new Set(["test-1", "test-2", "test-3", "test-4", "test-5"]);
    const kept = later.slice(2).filter(({ entry }) => {
      const { value } = entry;
      return !(value !== undefined && "decisionId" in value && gone.has(value.decisionId));
    });
    const report = await replay([header, snapshot!, ...kept]);
    expect(report).toMatchObject({ agrees: true, replayed: 15, recording: { isWhole: false } });
    expect(report.learnedBefore).toBeGreaterThan(0);
    expect(report.identical + report.learnedBefore).toBe(15);
    header.entry.value.decidedBefore = 0;
    expect(await replay([header, snapshot!, ...kept])).toMatchObject({ agrees: false, learnedBefore: 0 });
  });

  it("repeats answers that were missing", async () => {
    const records = await recordSmall(toConfig({ emptiest: 1, coolest: 1 }));
    const { entry } = records.find((record) => record.entry.case === "decision")!;
    if (entry.case !== "decision") throw new Error("no decision");
    const [, coolest] = entry.value.profiles[0]!.scorers;
    Object.assign(coolest!, { kind: 3, reason: "no answer in its budget", scores: [], abstain: new Uint8Array() });
    const report = await replay(records);
    expect(report).toMatchObject({ repeatedMisses: 1 });
    expect(report.differences).toMatchObject([{ source: "total", what: "other totals in profile default" }]);
  });
});

describe("another configuration", () => {
  it("sends requests elsewhere, and says from where, to where and why", async () => {
    const report = await replay(await recordSmall(byQueue), toConfig({ coolest: 1 }));
    expect(report).toMatchObject({ agrees: true, replayed: 6, samePick: 0, agreement: 0, identical: 0 });
    expect(report.matrix).toEqual([
      { from: "a", to: "c", count: 4 },
      { from: "b", to: "c", count: 1 },
      { from: "a", to: "b", count: 1 },
    ]);
    expect(report.causes).toEqual([{ cause: "scorer", by: "coolest", count: 6 }]);
    const [coolest] = report.scorers;
    expect(coolest).toMatchObject({ scorer: "coolest", decided: 6, gainRecorded: null });
    expect(coolest?.gain).toBeCloseTo((4 * 0.5 + 0.25 + 0.25) / 6, 6);
    expect(report.moves[0]).toMatchObject({ decisionId: "test-1", from: "a", to: "c", cause: "scorer", by: "coolest" });
  });

  it("weighs what each scorer says for the new pick against the old one, then and now", async () => {
    const records = await recordSmall(toConfig({ emptiest: 3, coolest: 1 }));
    const report = await replay(records, toConfig({ emptiest: 1, coolest: 3 }));
    expect(report.matrix).toEqual([
      { from: "a", to: "c", count: 4 },
      { from: "b", to: "c", count: 1 },
      { from: "a", to: "b", count: 1 },
    ]);
    const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
    const queue = mean([-0.4, -0.4, -0.4, -0.4, -0.2, -0.2]);
    const cache = mean([0.5, 0.5, 0.5, 0.5, 0.25, 0.25]);
    const [emptiest, coolest] = report.scorers;
    expect([emptiest?.gain, emptiest?.gainRecorded].map((gain) => gain?.toFixed(5))).toEqual([
      queue.toFixed(5),
      (3 * queue).toFixed(5),
    ]);
    expect([coolest?.gain, coolest?.gainRecorded].map((gain) => gain?.toFixed(5))).toEqual([
      (3 * cache).toFixed(5),
      cache.toFixed(5),
    ]);
    expect(report.plugins).toMatchObject([
      { name: "emptiest", compared: 6, differing: 0 },
      { name: "coolest", compared: 6, differing: 0 },
    ]);
  });

  it("learns from its own picks", async () => {
    const host = await openRecordedHost(byQueue, createTypes());
    fill(host);
    for (let i = 0; i < 30; i++) {
      const routed = await host.ask(1_000 + i);
      if (routed.kind === "routed") routed.end("ok");
    }
    const report = await replay(await end(host), toConfig({ learner: 1 }));
    const to = new Map(report.matrix.map((cell) => [cell.to, cell.count]));
    expect(report.samePick + (to.get("b") ?? 0) + (to.get("c") ?? 0)).toBe(30);
    for (const count of [report.samePick, to.get("b"), to.get("c")]) expect(count).toBeGreaterThan(5);
  });

  it("says what it reads and the recording has not", async () => {
    const report = await replay(await recordSmall(byQueue), toConfig({ emptiest: 1, hasher: 1 }));
    expect(report.lacking).toEqual({ "request.block_hashes of 64 tokens": 6 });
  });
});

type Action = { readonly kind: "ask" | "answer" | "end" | "measure"; readonly at: number };

describe("decisions that wait for answers while others are made and plugins learn", () => {
  const action = fc.record({
    kind: fc.constantFrom<Action["kind"]>("ask", "ask", "answer", "answer", "end", "measure"),
    at: fc.nat(1_000),
  });

  it("are the same again bit by bit, in whatever order it happened", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(action, { minLength: 5, maxLength: 60 }), async (actions) => {
        const answers = new Answers();
        const host = await openRecordedHost(
          toConfig({ learner: 2, slow: 1, emptiest: 1 }, ["counter"]),
          createTypes(answers),
        );
        fill(host);
        answers.areHeld = true;
        const made = await play(host, answers, actions);
        const report = await replay(await end(host));
        expect(report.differences).toEqual([]);
        expect([report.replayed, report.identical, report.skipped]).toEqual([made, made, {}]);
      }),
      { seed: 8, numRuns: 60, endOnFailure: true },
    );
  }, 120_000);
});

/** Does all of it, and lets everything end. @returns the decisions made. */
async function play(host: RecordedHost, answers: Answers, actions: readonly Action[]): Promise<number> {
  const open: { end(cause: "ok"): void }[] = [];
  let asked = 0;
  let nowMs = 1_000;
  for (const { kind, at } of actions) {
    nowMs += at % 7;
    host.at(nowMs);
    if (kind === "ask") {
      asked += 1;
      void Promise.resolve(host.ask(nowMs)).then((routed) => {
        if (routed.kind === "routed") open.push(routed);
      });
      await new Promise((resolve) => setImmediate(resolve));
    } else if (kind === "answer" && answers.count > 0) await answers.let(at % answers.count);
    else if (kind === "end" && open.length > 0) open.splice(at % open.length, 1)[0]?.end("ok");
    else if (kind === "measure") {
      host.table.setValue(at % 3, "waiting_requests", at % 11, nowMs);
      host.table.publish(nowMs);
    }
  }
  while (answers.count > 0) await answers.let(0);
  for (const routed of open) routed.end("ok");
  return asked;
}
