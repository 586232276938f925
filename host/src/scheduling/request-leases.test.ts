import { createMaxScorePicker, type Plan, type Profile } from "@outrider/core";
import { describe, expect, it } from "vitest";
import { good, openScheduling, post, type SchedulingOptions } from "./fixtures/open-scheduling.ts";
import type { Routed } from "./types.ts";

const only = (name: string, slot: number): Profile => ({
  name,
  filters: [{ filter: { name: "one", type: "one", filter: () => Uint32Array.of(slot) }, onEmpty: "fail" }],
  scorers: [],
  picker: createMaxScorePicker("best", { maxNumOfEndpoints: 1, tieBreak: "first" }),
});

/** Runs the usual profile, then these. */
const further =
  (...profiles: readonly Profile[]) =>
  (usual: Profile): Partial<Plan> => {
    const all = [usual, ...profiles];
    return {
      profiles: all,
      handler: {
        name: "stages",
        type: "stages",
        ownHeaders: [],
        next: (view) => all[view.profiles.length],
        primaryOf: () => usual.name,
      },
    };
  };

async function route(options: SchedulingOptions) {
  const opened = openScheduling(options);
  const routed = (await opened.scheduler.decide(post(good))) as Routed;
  const counts = () => {
    const { requests, promptTokens } = opened.table.inflight;
    return [0, 1, 2].map((slot) => [requests[slot], promptTokens[slot]]);
  };
  return { ...opened, routed, counts };
}

const none = [
  [0, 0],
  [0, 0],
  [0, 0],
];

describe("a request that further endpoints work on", () => {
  const plan = further(only("prefill", 0), only("encode", 1));
  const whole = [
    [1, 13],
    [1, 13],
    [1, 13],
  ];
  const sent = [
    [0, 0],
    [0, 0],
    [1, 0],
  ];

  it("counts at each until the response begins, and at its destination until it ends", async () => {
    const { routed, counts, leases } = await route({ plan });
    expect(counts()).toEqual(whole);
    routed.responseHeaders(200, () => undefined, undefined);
    expect(counts()).toEqual(whole);
    routed.responseChunk(Buffer.from("a"));
    expect(counts()).toEqual(sent);
    routed.responseChunk(Buffer.from("b"));
    expect(counts()).toEqual(sent);
    routed.end("ok");
    expect([counts(), leases.count()]).toEqual([none, 0]);
  });

  const ends = [
    { title: "its client leaves", end: (routed: Routed) => routed.end("client_cancelled") },
    { title: "it was never sent", end: (routed: Routed) => routed.end("never_sent") },
    {
      title: "it ends twice",
      end: (routed: Routed) => {
        routed.end("ok");
        routed.end("upstream_error");
        routed.letGo();
      },
    },
    {
      title: "it moved to a fallback",
      end: (routed: Routed) => {
        routed.responseHeaders(200, () => undefined, "10.0.0.2:8000");
        routed.end("ok");
      },
    },
  ];
  for (const { title, end } of ends) {
    it(`counts nowhere once ${title}`, async () => {
      const { routed, counts, leases } = await route({ plan });
      end(routed);
      expect([counts(), leases.count()]).toEqual([none, 0]);
    });
  }

  it("counts nowhere once nobody has ended it for too long", async () => {
    const { counts, leases, time } = await route({ plan });
    time.nowMs += 10_000;
    leases.sweep(time.nowMs, 5_000);
    expect([counts(), leases.count()]).toEqual([none, 0]);
  });

  it("counts at each that is not seen until its load is in the scraped values", async () => {
    const { routed, counts, leases, scrape } = await route({ plan });
    routed.letGo();
    expect(counts()).toEqual(whole);
    for (let i = 0; i < 2; i++) for (const slot of [0, 1]) scrape(slot);
    expect(counts()).toEqual([
      [0, 0],
      [0, 0],
      [1, 13],
    ]);
    for (let i = 0; i < 2; i++) scrape(2);
    expect([counts(), leases.count()]).toEqual([none, 0]);
  });

  it("counts once at one that does both", async () => {
    const { counts } = await route({ plan: further(only("prefill", 2)) });
    expect(counts()).toEqual([
      [0, 0],
      [0, 0],
      [1, 13],
    ]);
  });
});
