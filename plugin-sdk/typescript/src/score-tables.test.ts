import { setImmediate as turn } from "node:timers/promises";
import type { ScoreCall } from "@outrider/core/contract";
import type { ScoreTable } from "@outrider/protos/scorer";
import { fromBitmap } from "@outrider/transport";
import { fakeCall, fakeSnapshot } from "@outrider/transport/testing";
import { describe, expect, it } from "vitest";
import { configured, scorer } from "./fixtures/test-session.ts";

/** Free share of a queue of ten. */
const free = ({ candidates, columns }: ScoreCall, scores: Float32Array) =>
  candidates.forEach((slot, i) => {
    scores[i] = 1 - columns.waitingRequests[slot]! / 10;
  });

/** A scorer whose scores depend on no request. */
const tabled = (score: (call: ScoreCall, scores: Float32Array) => unknown, tableTtlMs = 60_000) => ({
  ...scorer(score),
  tableTtlMs,
});

const read = ({ slots, scores }: ScoreTable) => [
  [...fromBitmap(slots)],
  scores.map((score) => Math.round(score * 100)),
];

describe("a scorer that asks for no request", () => {
  it("says so, and sends its scores with each change of the endpoints", async () => {
    const plugin = await configured(tabled(free));
    await expect
      .poll(() => plugin.told.tables.map(read))
      .toEqual([
        [
          [0, 1],
          [90, 80],
        ],
      ]);
    const [first] = plugin.told.tables;
    expect(first).toMatchObject({ instance: 1, rev: plugin.current().rev, key: "", keyBy: "", ttlMs: 60_000 });
    await plugin.publish(fakeSnapshot([{ waiting_requests: 4 }, {}, { waiting_requests: 10 }]));
    await expect.poll(() => plugin.told.tables.length).toBe(2);
    expect(read(plugin.told.tables[1]!)).toEqual([
      [0, 2],
      [60, 0],
    ]);
    await plugin.publish(fakeSnapshot([{}]));
    await expect.poll(() => plugin.told.tables.slice(2).map(read)).toEqual([[[], []]]);
  });

  it("sends them again before their time is over", async () => {
    const plugin = await configured(tabled(free, 20));
    await expect.poll(() => plugin.told.tables.length).toBeGreaterThan(3);
    plugin.session.close();
    await turn();
    const sent = plugin.told.tables.length;
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(plugin.told.tables.length).toBe(sent);
  });

  it("is asked at the time of the state, and of nothing in flight", async () => {
    const seen: unknown[] = [];
    const plugin = await configured(
      tabled((call) => seen.push(call.nowMs, call.seed, call.columns.inflightRequests[0], call.request.model)),
    );
    await plugin.publish(fakeSnapshot([{}], { takenAtMs: 1234.5 }));
    await expect.poll(() => seen.slice(-4)).toEqual([1234.5, 1234, 0, ""]);
  });

  it("answers calls as well", async () => {
    const plugin = await configured(tabled(free));
    expect([...(await plugin.score(fakeCall({ pool: fakeSnapshot([{ waiting_requests: 5 }]) })))]).toEqual([0.5]);
  });

  it("that takes its time rates the newest endpoints next, and skips those between", async () => {
    const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    let asked = 0;
    const slow = async (call: ScoreCall, scores: Float32Array) => {
      asked += 1;
      await gates[asked - 1]?.promise;
      free(call, scores);
    };
    const plugin = await configured(tabled(slow));
    for (const waiting of [3, 4, 5]) await plugin.publish(fakeSnapshot([{ waiting_requests: waiting }]));
    for (const { resolve } of gates) resolve();
    await expect
      .poll(() => plugin.told.tables.map(read))
      .toEqual([
        [
          [0, 1],
          [90, 80],
        ],
        [[0], [50]],
      ]);
    expect(asked).toBe(2);
  });

  it("that fails sends none, which is logged", async () => {
    const plugin = await configured(
      tabled(() => {
        throw new Error("boom");
      }),
    );
    await expect.poll(() => plugin.log).toEqual(["test: table failed: boom"]);
    expect(plugin.told.tables).toEqual([]);
  });
});

it("a scorer that asks for requests sends no table", async () => {
  const plugin = await configured(scorer(free));
  await plugin.session.ping(5_000);
  expect(plugin.told.tables).toEqual([]);
});
