import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import type { Placement } from "../plugins/types.ts";
import { catalogue } from "./fixtures/definitions.ts";
import {
  answers,
  calls,
  events,
  numbers,
  type Opening,
  opening,
  received,
  sent,
  state,
} from "./fixtures/recorded-session.ts";
import { type Entry, header, writeRecording } from "./fixtures/write-recording.ts";
import { type ReplayOptions, replayRecording } from "./replay-recording.ts";

const two = state({ to: 1, upserts: { 0: "a", 2: "c" }, waiting: { 0: 16, 2: 32 } });
const cast = { catalogue, module: undefined, command: undefined, url: undefined, tokenFile: undefined };

function replay(
  entries: readonly Entry[],
  placements: readonly Placement[] = ["inline"],
  fields: Partial<ReplayOptions> = {},
) {
  const path = writeRecording(entries);
  return replayRecording({ path, processes: [], show: 5, cast: { ...cast, placements }, ...fields });
}

const only = (type: string): Opening => ({ instances: [{ id: 1, type }] });
const picked = (callId: number, slot: number) => ({ callId, slot, event: { case: "picked" as const, value: {} } });
const done = (callId: number, slot: number) => ({
  callId,
  slot,
  event: { case: "done" as const, value: { cause: "ok" } },
});

describe("bad input", () => {
  const left = [
    { title: "frames in front of a handshake", entries: [...two, calls({ callId: 1 })], skipped: { unconfigured: 2 } },
    {
      title: "a step that starts from what the recording has not",
      entries: [...opening(), ...state({ from: 8, to: 9 }), calls({ callId: 1 })],
      skipped: { stateless: 2 },
    },
    {
      title: "a call about an endpoint that is not there",
      entries: [...opening(), ...two, calls({ callId: 1, candidates: Uint8Array.of(0b10) })],
      skipped: { unknownEndpoints: 1 },
    },
    {
      title: "a call of another epoch",
      entries: [...opening(), ...two, calls({ callId: 1, epoch: 6 })],
      skipped: { unknownEndpoints: 1 },
    },
    {
      title: "a call of an instance that was not configured",
      entries: [...opening(), ...two, calls({ callId: 1, instance: 4 })],
      skipped: { unconfigured: 1 },
    },
    {
      title: "events of calls from before the recording",
      entries: [...opening(), ...two, events(picked(7, 0), done(7, 0))],
      skipped: { unknownCalls: 2 },
    },
    {
      title: "what is no message, what is no frame, and tables that nobody asked for",
      entries: [
        { case: "frame", value: { process: "team", frame: { case: "invalid", value: Uint8Array.of(1) } } },
        { case: "facts", value: {} },
        received({ case: "table", value: { instance: 1 } }),
      ] satisfies Entry[],
      skipped: { invalid: 1, otherEntries: 1, tables: 1 },
    },
  ];
  for (const { title, entries, skipped } of left) {
    it(`leaves out ${title}, and counts it`, async () => {
      const report = await replay(entries);
      expect(report.instances).toEqual([]);
      expect(report.skipped).toMatchObject(skipped);
    });
  }

  const refused = [
    {
      title: "a type that nobody knows",
      type: "mine",
      placement: "inline",
      message: "mine is no built-in type: name the file that declares it with --module",
    },
    {
      title: "a type without a module on threads",
      type: "throws",
      placement: "worker",
      message: "name the file that declares it with --module",
    },
    {
      title: "a process of a type that nobody serves",
      type: "mine",
      placement: "process",
      message: "name the program that serves it with --command",
    },
  ] as const;
  for (const { title, type, placement, message } of refused) {
    it(`refuses ${title}, with the remedy`, async () => {
      await expect(replay([...opening(only(type)), ...two], [placement])).rejects.toThrow(message);
    });
  }

  it("says which plugin does not run, and why", async () => {
    const command = ["sh", "-c", "exit 3"];
    const running = replay([...opening(), ...two], ["process"], {
      cast: { ...cast, placements: ["process"], command },
    });
    await expect(running).rejects.toThrow(/waiting as process is quarantined: .*exited with code 3/);
  }, 40_000);

  it("refuses parameters that are no JSON", async () => {
    const broken = opening({ instances: [{ id: 1, type: "waiting", configJson: Buffer.from("{") }] });
    await expect(replay([...broken, ...two])).rejects.toThrow(
      "instance 1, waiting: its recorded parameters are no JSON",
    );
  });
});

describe("a replay", () => {
  it("evaluates each call on the state, the in-flight counts and the candidates of its time", async () => {
    const inflight = { column: numbers.inflight, slots: Uint8Array.of(0b100), values: [4] };
    const report = await replay([
      ...opening(),
      ...two,
      calls({ callId: 1 }),
      answers({ callId: 1, scores: [16 / 64, 32 / 64] }),
      ...state({ from: 1, to: 2, waiting: { 2: 8 } }),
      ...state({ from: 2, to: 3, waiting: { 0: 4 } }),
      sent({ case: "score", value: { inflight: [inflight], calls: [] } }),
      calls({ callId: 2, rev: 3 }, { callId: 3, rev: 3, candidates: Uint8Array.of(0b100) }),
      answers({ callId: 3, rev: 3, scores: [12 / 64] }, { callId: 2, rev: 3, scores: [4 / 64, 12 / 64] }),
    ]);
    expect(report).toMatchObject({ agrees: true, differences: [], hostVersion: "1.0.0" });
    expect(report.instances).toMatchObject([{ type: "waiting", calls: 3, recorded: { compared: 3, differing: 0 } }]);
  });

  it("never takes what was learned of an endpoint for the one that has its slot now", async () => {
    const report = await replay([
      ...opening(only("picks")),
      ...two,
      calls({ callId: 1 }),
      events(picked(1, 0), done(1, 0), picked(1, 0)),
      calls({ callId: 2 }),
      answers({ callId: 2, scores: [1 / 64, 0], abstain: Uint8Array.of(0b10) }),
      ...state({ from: 1, to: 2, removed: [0] }),
      ...state({ from: 2, to: 3, upserts: { 0: "d" } }),
      calls({ callId: 3, rev: 3 }),
      answers({ callId: 3, rev: 3, scores: [0, 0], abstain: Uint8Array.of(0b11) }),
    ]);
    expect(report.instances).toMatchObject([{ events: 2, recorded: { compared: 2, differing: 0 } }]);
    expect(report.skipped.unknownCalls).toBe(1);
  });

  it("finds a single bit by which a plugin without state answered otherwise, with its call and endpoint", async () => {
    const scores = [16 / 64, Math.fround(32 / 64 + 2 ** -24)];
    const report = await replay([...opening(), ...two, calls({ callId: 41 }), answers({ callId: 41, scores })]);
    expect(report.agrees).toBe(false);
    expect(report.differences).toEqual([
      {
        ...{ kind: "recorded", process: "team", generation: 1, instance: 1, type: "waiting", callId: 41 },
        ...{ slot: 2, endpoint: "c", what: "score", position: 1, between: ["recorded", "inline"] },
        ...{ a: "0.5000000596046448 (0x3f000001)", b: "0.5 (0x3f000000)" },
      },
    ]);
  });

  const learned = [
    { title: "before the recording", first: opening({ ...only("picks"), afterMs: -9 }), learnedBefore: true },
    { title: "in it", first: opening(only("picks")), learnedBefore: false },
    {
      title: "from its predecessor",
      first: [...opening(only("picks")), sent({ case: "hello", value: { handoff: Uint8Array.of(1) } })],
      learnedBefore: true,
    },
  ];
  for (const { title, first, learnedBefore } of learned) {
    it(`does not hold against a plugin with state what it may have learned ${title}`, async () => {
      const report = await replay([...first, ...two, calls({ callId: 1 }), answers({ callId: 1, scores: [0.5, 0.5] })]);
      expect(report).toMatchObject({ agrees: true, differences: [{ kind: "recorded" }, { kind: "recorded" }] });
      expect(report.instances).toMatchObject([{ learnedBefore, recorded: { differing: 1 } }]);
    });
  }

  it("compares neither recorded errors nor answers on a later state", async () => {
    const report = await replay([
      ...opening(),
      ...two,
      calls({ callId: 1 }, { callId: 2 }, { callId: 3 }),
      answers({ callId: 1, error: { code: "deadline_exceeded" } }, { callId: 2, rev: 2, scores: [0, 0] }),
      answers({ callId: 2, scores: [0, 0] }, { callId: 99, scores: [0, 0] }),
    ]);
    expect(report.instances).toMatchObject([{ calls: 3, recorded: { compared: 0, failed: 1, later: 1 } }]);
  });

  it("counts calls that fail now", async () => {
    const report = await replay([
      ...opening(only("throws")),
      ...two,
      calls({ callId: 1 }),
      answers({ callId: 1, scores: [1, 1] }),
    ]);
    expect(report).toMatchObject({ agrees: false, instances: [{ failed: { inline: 1 }, recorded: { differing: 1 } }] });
    expect(report.differences).toMatchObject([
      { what: "outcome", a: "answered", b: "failed: SCORER_FAILED: inline/1: a bug" },
    ]);
  });

  it("goes on with what a plugin has learned over a reconnect, and from nothing after its restart", async () => {
    const again = (boot: string, callId: number, known: number) => [
      ...opening({ ...only("picks"), boot }),
      ...state({ to: 1, upserts: { 0: "a", 2: "c" } }),
      calls({ callId }),
      answers({ callId, scores: [0, 2 / 64], abstain: Uint8Array.of(known) }),
    ];
    const report = await replay([
      ...opening(only("picks")),
      ...two,
      calls({ callId: 1 }),
      events(picked(1, 2), picked(1, 2)),
      ...again("boot", 2, 0b01),
      ...again("another", 3, 0b11),
      header,
      ...again("boot", 4, 0b11),
    ]);
    expect(report).toMatchObject({ reconnects: 1, instances: [{ calls: 4, recorded: { compared: 3, differing: 0 } }] });
  });

  it("goes on where frames were missed, and holds nothing against a plugin that may have learned from them", async () => {
    const report = await replay([
      ...opening(only("picks")),
      ...two,
      calls({ callId: 1 }),
      events(picked(1, 2)),
      ...opening({ ...only("picks"), afterMs: 0 }),
      ...state({ to: 4, upserts: { 0: "a", 2: "c" } }),
      calls({ callId: 9, rev: 4 }),
      answers({ callId: 9, rev: 4, scores: [0, 2 / 64], abstain: Uint8Array.of(0b01) }),
    ]);
    expect(report).toMatchObject({ agrees: true, reconnects: 0, gaps: 1 });
    expect(report.instances).toMatchObject([{ calls: 2, learnedBefore: true, recorded: { differing: 1 } }]);
    expect(report.differences).toMatchObject([{ a: "0.03125 (0x3d000000)", b: "0.015625 (0x3c800000)" }]);
  });

  it("keeps to the processes that are asked for, and ends with those that were drained", async () => {
    const entries = [...opening(), ...two, received({ case: "drained", value: {} }), calls({ callId: 1 })];
    expect((await replay(entries)).skipped.stateless).toBe(1);
    expect(await replay(entries, ["inline"], { processes: ["other"] })).toMatchObject({ frames: 0 });
  });
});

describe("a replay in several placements", { timeout: 40_000 }, () => {
  const data = [{ id: numbers.uncached, key: "data.uncached_tokens" }];
  const both = opening({
    instances: [
      { id: 1, type: "slots" },
      { id: 2, type: "counts", data },
    ],
  });
  const asked = [
    calls({ callId: 1 }, { callId: 2, instance: 2 }),
    answers(
      { callId: 1, scores: [1 / 64, 3 / 64] },
      { callId: 2, data: [{ column: numbers.uncached, values: [0, 2] }] },
    ),
  ];
  const reconnected = [...both, ...state({ to: 2, epoch: 6, upserts: { 0: "a" } })];
  const after = [calls({ callId: 3, epoch: 6, rev: 2 }), answers({ callId: 3, epoch: 6, rev: 2, scores: [1 / 64] })];

  it("agrees where they do, also over a connection that breaks", async () => {
    const trace = join(mkdtempSync(join(tmpdir(), "outrider-trace-")), "trace.jsonl");
    const placements = ["inline", "process"] as const;
    const command = ["env", `TRACE=${trace}`, process.execPath, catalogue.slots!.main];
    const entries = [...both, ...two, ...asked, ...reconnected, ...after];
    const report = await replay(entries, placements, { cast: { ...cast, command, placements } });
    const told = readFileSync(trace, "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { boot: string });
    const hellos = told.filter((line) => "hello" in line);
    expect([hellos.length, new Set(hellos.map(({ boot }) => boot)).size]).toEqual([2, 1]);
    expect(report).toMatchObject({ agrees: true, reconnects: 1, differences: [] });
    expect(report.instances.map(({ type, calls, recorded }) => [type, calls, recorded.compared])).toEqual([
      ["slots", 2, 2],
      ["counts", 1, 1],
    ]);
  });

  it("asks a third party's module on both kinds of thread, and what is served elsewhere", async () => {
    const OUTRIDER_PLUGIN_SOCKET = join(mkdtempSync(join(tmpdir(), "outrider-remote-")), "s");
    const server = spawn(process.execPath, [catalogue.slots!.main], {
      env: { OUTRIDER_PLUGIN_SOCKET, TYPES: "slots" },
    });
    try {
      const module = fileURLToPath(new URL("fixtures/definitions.ts", import.meta.url));
      const placements = ["inline", "worker", "remote"] as const;
      const elsewhere = { catalogue: {}, placements, module, url: `unix:${OUTRIDER_PLUGIN_SOCKET}` };
      const entries = [...opening(only("slots")), ...two, ...asked];
      const report = await replay(entries, placements, { cast: { ...cast, ...elsewhere } });
      expect(report).toMatchObject({ agrees: true, placements, instances: [{ calls: 1, failed: {} }] });
    } finally {
      server.kill();
    }
  });

  it("says by which call they differ, and shows as many differences as asked for", async () => {
    const plugin = catalogue.slots!.main;
    const command = ["env", "MODE=reverses", process.execPath, plugin];
    const placements = ["inline", "process"] as const;
    const path = writeRecording([...opening(only("slots")), ...two, ...asked]);
    const report = await replayRecording({ path, processes: [], show: 1, cast: { ...cast, command, placements } });
    expect(report).toMatchObject({ agrees: false, instances: [{ differing: 1, recorded: { differing: 0 } }] });
    expect(report.differences).toMatchObject([
      { kind: "placements", callId: 1, slot: 0, between: ["inline", "process"] },
    ]);
  });
});

it("tells how far it is", async () => {
  const told: number[] = [];
  const progress = (frames: number) => told.push(frames);
  await replay(
    Array.from({ length: 120 }, () => sent({ case: "ping", value: { seq: 1 } })),
    ["inline"],
    { progress },
  );
  expect(told).toEqual([50, 100]);
});
