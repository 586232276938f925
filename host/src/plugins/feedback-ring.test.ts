import type { FeedbackEvent } from "@outrider/core/contract";
import { describe, expect, it } from "vitest";
import { createFeedbackRing } from "./feedback-ring.ts";

const at = { slot: 0, atMs: 0 };
const progress = (callId: number): FeedbackEvent => ({
  callId,
  ...at,
  kind: "progress",
  chunks: 1,
  outputTokens: 1,
  elapsedMs: 1,
});
const headers = (callId: number): FeedbackEvent => ({
  callId,
  ...at,
  kind: "headers",
  status: 200,
  ttfbUs: 1,
  headers: {},
});
const picked = (callId: number): FeedbackEvent => ({
  callId,
  ...at,
  kind: "picked",
  ownScore: 1,
  totalScore: 1,
  fallback: false,
  promptTokens: 1,
  picks: [],
});

function fill(count: number, make: (callId: number) => FeedbackEvent) {
  let dropped = 0;
  const ring = createFeedbackRing((lost) => (dropped += lost));
  for (let i = 0; i < count; i += 1) ring.push(1, make(i));
  return { ring, dropped: () => dropped };
}

describe("feedback ring", () => {
  it("gives events back in order and is empty then", () => {
    const { ring } = fill(3, picked);
    expect(ring.take()!.events.map(({ event }) => event.callId)).toEqual([0, 1, 2]);
    expect(ring.take()).toBeUndefined();
  });

  it("lets progress die first, all of it at once", () => {
    const { ring, dropped } = fill(4096, (id) => (id % 2 === 0 ? progress(id) : picked(id)));
    ring.push(1, picked(9999));
    const batch = ring.take()!;
    expect(batch.events.every(({ event }) => event.kind === "picked")).toBe(true);
    expect([batch.events.at(-1)!.event.callId, batch.dropped, dropped(), batch.needsRepair]).toEqual([
      9999,
      2048,
      2048,
      false,
    ]);
  });

  it("drops the newest when nothing of it is progress, and asks for repair", () => {
    const { ring } = fill(5000, picked);
    const batch = ring.take()!;
    expect([batch.events.length, batch.dropped, batch.needsRepair]).toEqual([4096, 904, true]);
  });

  it("needs no repair where only headers were dropped", () => {
    expect(fill(4100, headers).ring.take()!.needsRepair).toBe(false);
  });

  it("reports drops that nothing follows, once", () => {
    const { ring } = fill(4097, picked);
    ring.take();
    ring.push(1, picked(1));
    expect(ring.take()!.dropped).toBe(0);
  });
});
