import { describe, expect, it } from "vitest";
import type { EndpointDirectory, EndpointInfo } from "../contract/index.ts";
import { createLastScores } from "./last-scores.ts";

const info = (slot: number, more: Partial<EndpointInfo> = {}): EndpointInfo => ({
  slot,
  id: `e${slot}`,
  address: `10.0.0.1:${slot}`,
  labels: {},
  sets: {},
  incarnation: 0,
  ...more,
});
const directory = (...infos: readonly (EndpointInfo | undefined)[]): EndpointDirectory => ({
  at: (slot) => infos[slot],
  slotCount: infos.length,
});
const two = directory(info(0), info(1));
const both = Uint32Array.of(0, 1);
const { NaN: unknown } = Number;

describe("the last scores", () => {
  it("are recalled at once and up to their greatest age, by whichever candidates are asked for", () => {
    const last = createLastScores(1_000);
    last.note(two, both, Float32Array.of(0.25, 0.75), 5_000);
    expect([...last.recall(two, both, 5_000)]).toEqual([0.25, 0.75]);
    expect([...last.recall(two, Uint32Array.of(1), 6_000)]).toEqual([0.75]);
    expect([...last.recall(two, both, 6_001)]).toEqual([unknown, unknown]);
  });

  it("are each as old as the answer that brought them", () => {
    const last = createLastScores(1_000);
    last.note(two, both, Float32Array.of(0.25, 0.75), 5_000);
    last.note(two, Uint32Array.of(0), Float32Array.of(0.5), 5_900);
    expect([...last.recall(two, both, 6_500)]).toEqual([0.5, unknown]);
  });

  it("keep an abstention in the place of the score before it", () => {
    const last = createLastScores(1_000);
    last.note(two, both, Float32Array.of(0.25, 0.75), 5_000);
    last.note(two, both, Float32Array.of(unknown, 0.5), 5_100);
    expect([...last.recall(two, both, 5_200)]).toEqual([unknown, 0.5]);
  });

  it("know nothing of slots that came later, nor before the first answer", () => {
    const last = createLastScores(1_000);
    expect([...last.recall(two, both, 100)]).toEqual([unknown, unknown]);
    last.note(two, both, Float32Array.of(0.25, 0.75), 100);
    const three = directory(info(0), info(1), info(2));
    expect([...last.recall(three, Uint32Array.of(0, 1, 2), 200)]).toEqual([0.25, 0.75, unknown]);
    last.note(three, Uint32Array.of(2), Float32Array.of(1), 200);
    expect([...last.recall(three, Uint32Array.of(0, 1, 2), 200)]).toEqual([0.25, 0.75, 1]);
  });

  it("are not recalled from what a clock that was set back calls the far future", () => {
    const last = createLastScores(1_000);
    last.note(two, both, Float32Array.of(0.25, 0.75), 9_000_000);
    expect([...last.recall(two, both, 5_000)]).toEqual([unknown, unknown]);
  });

  const heirs = [
    { title: "another endpoint", heir: info(0, { id: "new" }), want: unknown },
    { title: "an endpoint of the same name elsewhere", heir: info(0, { address: "10.0.0.9:1" }), want: unknown },
    { title: "the endpoint after a restart", heir: info(0, { incarnation: 1 }), want: unknown },
    { title: "nobody", heir: undefined, want: unknown },
    { title: "the endpoint with other labels", heir: info(0, { labels: { zone: "b" } }), want: 0.25 },
  ];
  for (const { title, heir, want } of heirs) {
    it(`${Number.isNaN(want) ? "are not inherited by" : "stay with"} ${title} in the slot`, () => {
      const last = createLastScores(1_000);
      last.note(two, both, Float32Array.of(0.25, 0.75), 5_000);
      expect([...last.recall(directory(heir, info(1)), both, 5_001)]).toEqual([want, 0.75]);
    });
  }
});
