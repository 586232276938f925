import type { FeedbackEvent } from "@outrider/core/contract";
import fc from "fast-check";
import { expect, it } from "vitest";
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
