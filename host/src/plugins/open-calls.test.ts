import type { FeedbackEvent, Need } from "@outrider/core/contract";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { OpenCalls } from "./open-calls.ts";

const needs = [{ key: "events.picked" }, { key: "events.progress" }, { key: "events.done" }] as const;

/** What happens to one of a few calls. */
const steps = fc.array(
  fc.record({
    callId: fc.nat(5),
    what: fc.constantFrom("put", "put", "shed", "picked", "picked", "progress", "done", "end", "reconnect"),
  }),
  { maxLength: 200, size: "max" },
);

it("lets at most one picked and exactly one done through for each call, in order, whatever comes when", () => {
  fc.assert(
    fc.property(steps, (history) => {
      const told: FeedbackEvent[] = [];
      const open = new OpenCalls((event) => told.push(event));
      open.grant(needs, false);
      // Every call has a number of its own.
      const numbers = new Map<number, number>();
      const put = new Set<number>();
      const shed = new Set<number>();
      const numberOf = (callId: number) => numbers.get(callId) ?? -1;
      history.forEach(({ callId, what }, i) => {
        const number = numberOf(callId);
        const isPicked = told.some((event) => event.callId === number);
        if (what === "put") {
          numbers.set(callId, i);
          put.add(i);
          open.add(i);
        } else if (what === "shed") {
          if (!isPicked) shed.add(number);
          open.forget(number);
        } else if (what === "end") open.end(number, 1);
        else if (what === "reconnect") open.grant(needs, true);
        else if (what !== "picked" || !isPicked)
          open.tell({ kind: what, callId: number, slot: 3, atMs: 1 } as FeedbackEvent);
      });
      open.endAll(1);
      for (const number of put) {
        const kinds = told.filter(({ callId }) => callId === number).map(({ kind }) => kind);
        const dones = kinds.filter((kind) => kind === "done").length;
        if (!shed.has(number)) expect(dones).toBe(1);
        expect(dones).toBeLessThanOrEqual(1);
        if (kinds.length > 0) expect(kinds.at(-1)).toBe("done");
        expect(kinds.indexOf("picked", 1)).toBe(-1);
      }
      expect(told.filter(({ callId }) => !put.has(callId))).toEqual([]);
    }),
  );
});

it("tells a plugin that shed a call too late, when it had heard of the pick, of its end", () => {
  const told: string[] = [];
  const open = new OpenCalls((event) => told.push(event.kind));
  open.grant(needs, false);
  open.add(1);
  open.tell({ kind: "picked", callId: 1, slot: 3, atMs: 1 } as FeedbackEvent);
  open.forget(1);
  open.tell({ kind: "done", callId: 1, slot: 3, atMs: 1 } as FeedbackEvent);
  expect(told).toEqual(["picked", "done"]);
});

const picked = (callId: number, slot: number): FeedbackEvent => ({
  kind: "picked",
  callId,
  slot,
  atMs: 1,
  ownScore: 1,
  totalScore: 1,
  fallback: false,
  promptTokens: 1,
  picks: [],
});
const done = (callId: number): FeedbackEvent => ({
  kind: "done",
  callId,
  slot: 3,
  atMs: 2,
  cause: "ok",
  status: 200,
  promptTokens: 0,
  cachedTokens: 0,
  outputTokens: 0,
  ttftUs: 0,
  e2eMs: 1,
});
const headers = (callId: number): FeedbackEvent => ({
  kind: "headers",
  callId,
  slot: 3,
  atMs: 1,
  status: 200,
  ttfbUs: 1,
  headers: { "x-cache": "hit", "set-cookie": "secret" },
});

function open(...granted: Need[]) {
  const queued: FeedbackEvent[] = [];
  const calls = new OpenCalls((event) => void queued.push(event));
  calls.grant(granted, false);
  return { calls, queued };
}

describe("open calls", () => {
  it("let events through once they are put, and one done", () => {
    const { calls, queued } = open({ key: "events.picked" });
    calls.tell(picked(1, 3));
    calls.add(1);
    for (const event of [picked(1, 3), done(1), done(1), picked(1, 3)]) calls.tell(event);
    expect(queued.map(({ kind }) => kind)).toEqual(["picked", "done"]);
  });

  it("are not kept where no event is granted", () => {
    const { calls, queued } = open({ key: "waiting_requests" });
    calls.add(1);
    calls.tell(done(1));
    calls.endAll(5);
    expect([calls.isKept, queued]).toEqual([false, []]);
  });

  it("show the granted headers alone", () => {
    const { calls, queued } = open({ key: "events.headers", names: ["X-Cache"] });
    calls.add(1);
    calls.tell(headers(1));
    expect(queued).toMatchObject([{ headers: { "x-cache": "hit" } }]);
    expect(JSON.stringify(queued)).not.toContain("secret");
  });

  it("show block hashes of answers where they are granted, and nowhere else", () => {
    const blockHashes = Uint32Array.of(1, 2);
    for (const [key, want] of [
      ["events.done", undefined],
      ["events.answer_blocks", blockHashes],
    ] as const) {
      const { calls, queued } = open({ key });
      calls.add(1);
      calls.tell({ ...done(1), blockHashes } as FeedbackEvent);
      expect(queued).toEqual([{ ...done(1), ...(want && { blockHashes: want }) }]);
    }
  });

  it("end as unknown where they were sent, as never sent where they were not, each once", () => {
    const { calls, queued } = open({ key: "events.done" });
    for (const callId of [1, 2, 3]) calls.add(callId);
    calls.tell(picked(1, 7));
    calls.tell(done(3));
    calls.end(2, 10);
    calls.endAll(20);
    calls.endAll(30);
    expect(queued.map((event) => [event.callId, event.atMs, "cause" in event && event.cause, event.slot])).toEqual([
      [3, 2, "ok", 3],
      [2, 10, "never_sent", 0],
      [1, 20, "unknown", 7],
    ]);
  });

  it("are due nothing where the plugin did not take them, or has begun another life", () => {
    const { calls, queued } = open({ key: "events.done" });
    calls.add(1);
    calls.forget(1);
    calls.add(2);
    calls.grant([{ key: "events.done" }], true);
    calls.tell(done(2));
    calls.add(3);
    calls.grant([{ key: "events.done" }], false);
    calls.endAll(1);
    expect(queued.map(({ callId }) => callId)).toEqual([2]);
  });
});
