import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { ScoreTableSchema } from "@outrider/protos/scorer";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { toBitmap } from "./bitmap.ts";
import { createScoreTables, maxTableKeyLength, maxTableScores, maxTables, type ScoreTables } from "./score-tables.ts";
import { fakeCall, fakeSnapshot } from "./testing/index.ts";
import { scriptedInstance } from "./testing/scripted-plugin.ts";

const epoch = 9;
const snapshot = fakeSnapshot([{ id: "a" }, { id: "b" }, { id: "c" }], { rev: 5 });
const call = fakeCall({ pool: snapshot, request: { model: "m", sessionKey: "s" } });
const whole = { instance: 1, epoch, rev: 5, slots: toBitmap([0, 2]), scores: [0.25, 0.75], ttlMs: 100 };

type Table = MessageInitShape<typeof ScoreTableSchema>;

describe("a table that breaks the contract is refused, and what stood before it stands:", () => {
  const cases: { title: string; table: Table; code: string }[] = [
    { title: "a score too few", table: { scores: [1] }, code: "SCORES_INVALID" },
    { title: "a score too many", table: { scores: [1, 1, 1] }, code: "SCORES_INVALID" },
    { title: "NaN", table: { scores: [1, Number.NaN] }, code: "SCORES_INVALID" },
    { title: "Infinity", table: { scores: [Number.NEGATIVE_INFINITY, 1] }, code: "SCORES_INVALID" },
    { title: "a number that is none in 32 bits", table: { scores: [1e300, 1] }, code: "SCORES_INVALID" },
    { title: "no time to hold", table: { ttlMs: 0 }, code: "PROTOCOL_VIOLATION" },
    { title: "a revision that was never sent", table: { rev: 6 }, code: "PROTOCOL_VIOLATION" },
    { title: "a key of nothing", table: { key: "m" }, code: "PROTOCOL_VIOLATION" },
    { title: "slots beyond the last", table: { slots: new Uint8Array(1025), scores: [] }, code: "PROTOCOL_VIOLATION" },
  ];
  for (const { title, table, code } of cases) {
    it(title, () => {
      const tables = published();
      take(tables, {});
      expect(take(tables, table)).toMatchObject({ kind: "refused", error: { code } });
      expect(read(tables)).toEqual([0.25, Number.NaN, 0.75]);
    });
  }

  it("one of a producer", () => {
    const tables = createScoreTables({ ...scriptedInstance, produces: ["data.x"] }, epoch);
    expect(take(tables, {})).toMatchObject({ kind: "refused", error: { code: "PROTOCOL_VIOLATION" } });
  });
});

describe("a table that cannot be used is ignored:", () => {
  const cases: { title: string; table: Table }[] = [
    { title: "of another epoch", table: { epoch: 8, rev: 900 } },
    { title: "by a key that is not known", table: { keyBy: "tenant", key: "t" } },
    { title: "by a session key that was not granted", table: { keyBy: "session_key", key: "s" } },
    { title: "with a key that is too long", table: { keyBy: "model", key: "m".repeat(maxTableKeyLength + 1) } },
  ];
  for (const { title, table } of cases) {
    it(title, () => {
      const tables = published();
      expect(take(tables, table)).toMatchObject({ kind: "ignored" });
      expect([read(tables), tables.isUsed]).toEqual([undefined, false]);
    });
  }
});

describe("a table", () => {
  it("rates the slots that it names, and no others", () => {
    const tables = published();
    take(tables, {});
    expect([read(tables), tables.isUsed]).toEqual([[0.25, Number.NaN, 0.75], true]);
  });

  it("holds for as long as it says, and not a moment longer", () => {
    const tables = published();
    take(tables, {}, 1000);
    expect([read(tables, 1099), read(tables, 1100), read(tables, 1050)]).toEqual([
      [0.25, Number.NaN, 0.75],
      undefined,
      undefined,
    ]);
  });

  it("that holds for fewer requests goes before one that holds for more", () => {
    const tables = published([{ key: "request.session_key" }]);
    const rated: unknown[] = [];
    for (const [keyBy, key, score] of [
      ["", "", 0.1],
      ["model", "m", 0.2],
      ["session_key", "s", 0.3],
    ] as const) {
      take(tables, { keyBy, key, slots: toBitmap([0]), scores: [score] });
      rated.push(read(tables)?.[0]);
    }
    expect(rated).toEqual([0.1, 0.2, 0.3].map(Math.fround));
  });

  it("of another model or session is not used", () => {
    const tables = published([{ key: "request.session_key" }]);
    take(tables, { keyBy: "model", key: "other" });
    take(tables, { keyBy: "session_key", key: "other" });
    expect(read(tables)).toBeUndefined();
  });

  it("made when a slot was another endpoint's says nothing of the one that is there now, nor the other way round", () => {
    const tables = published();
    take(tables, {});
    tables.publish(fakeSnapshot([{ id: "a" }, { id: "b" }], { rev: 6 }));
    const next = fakeSnapshot([{ id: "a" }, { id: "b" }, { id: "d" }], { rev: 7 });
    tables.publish(next);
    const after = fakeCall({ pool: next });
    expect(read(tables, 0, after)).toEqual([0.25, Number.NaN, Number.NaN]);
    take(tables, { rev: 7 });
    expect(read(tables, 0, after)).toEqual([0.25, Number.NaN, 0.75]);
    expect(read(tables, 0, call)).toEqual([0.25, Number.NaN, Number.NaN]);
  });

  it("is one of so many that are kept, the oldest go first", () => {
    const tables = published();
    for (let i = 0; i <= maxTables; i += 1) take(tables, { keyBy: "model", key: `m${i}` });
    const reads = [0, 1, maxTables].map((i) => read(tables, 0, ofModel(`m${i}`)) !== undefined);
    expect(reads).toEqual([false, true, true]);
  });

  it("is one of as many as hold so many scores", () => {
    const tables = published();
    const slots = toBitmap([8191]);
    const most = maxTableScores / 8192;
    for (let i = 0; i <= most; i += 1) take(tables, { keyBy: "model", key: `m${i}`, slots, scores: [1] });
    const reads = [0, 1, most].map((i) => read(tables, 0, ofModel(`m${i}`)) !== undefined);
    expect(reads).toEqual([false, true, true]);
  });

  it("never rates another endpoint than the one it was made for, however slots change hands", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.array(fc.nat(3), { minLength: 3, maxLength: 3 }), fc.nat(5)), { minLength: 1 }),
        (steps) => {
          const tables = createScoreTables(scriptedInstance, epoch);
          const sent: ReturnType<typeof fakeSnapshot>[] = [];
          steps.forEach(([ids, back], i) => {
            const next = fakeSnapshot(
              ids.map((id, slot) => ({ id: `e${id}`, slot, labels: {} })),
              { rev: i + 1 },
            );
            tables.publish(next);
            sent.push(next);
            const of = sent[Math.max(0, sent.length - 1 - back)]!;
            // The score tells the endpoint.
            const scores = [...of.live].map((slot) => numberOf(of.at(slot)!.id));
            tables.take(
              create(ScoreTableSchema, { instance: 1, epoch, rev: of.rev, slots: toBitmap(of.live), scores, ttlMs: 9 }),
              0,
            );
            for (const asked of sent) {
              const rated = read(tables, 0, fakeCall({ pool: asked })) ?? [];
              const wrong = rated.filter(
                (score, slot) => !Number.isNaN(score) && score !== Math.fround(numberOf(asked.at(slot)!.id)),
              );
              expect(wrong).toEqual([]);
            }
          });
        },
      ),
    );
  });
});

function numberOf(id: string): number {
  return Number(id.slice(1)) / 10;
}

function ofModel(model: string) {
  return fakeCall({ pool: snapshot, request: { model } });
}

function published(granted: (typeof scriptedInstance)["granted"] = []): ScoreTables {
  const tables = createScoreTables({ ...scriptedInstance, granted }, epoch);
  tables.publish(snapshot);
  return tables;
}

function take(tables: ScoreTables, table: Table, nowMs = 0) {
  return tables.take(create(ScoreTableSchema, { ...whole, ...table }), nowMs);
}

function read(tables: ScoreTables, nowMs = 0, of = call): number[] | undefined {
  const scores = new Float32Array(of.candidates.length).fill(-1);
  return tables.read(of, nowMs, scores) ? [...scores] : undefined;
}
