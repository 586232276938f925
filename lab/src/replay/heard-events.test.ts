import { create } from "@bufbuild/protobuf";
import type { FeedbackEvent } from "@outrider/core";
import { DecisionSchema, FrameSchema } from "@outrider/protos/record";
import { beforeEach, describe, expect, it } from "vitest";
import { FrameLog } from "./frame-log.ts";
import { HeardEvents } from "./heard-events.ts";

let log = new FrameLog();
let heard: FeedbackEvent[] = [];

beforeEach(() => {
  log = new FrameLog();
  heard = [];
});

const frame = (process: string, value: object) =>
  log.add(create(FrameSchema, { process, frame: { case: "sent", value: { frame: value as never } } }));
const asked = (process: string, ...callIds: readonly number[]) =>
  frame(process, { case: "score", value: { calls: callIds.map((callId) => ({ callId })) } });
const told = (process: string, ...callIds: readonly number[]) => {
  const event = { case: "picked", value: {} } as const;
  frame(process, { case: "feedback", value: { events: callIds.map((callId) => ({ callId, slot: callId, event })) } });
};

/** Decisions with one call each, to the plugin `p`, that had these ids and have ids from 256 on now. */
function open(...callIds: readonly number[]): HeardEvents {
  const events = new HeardEvents({
    log,
    processOf: (plugin) => (plugin === "inline" ? undefined : plugin),
    feedbackOf: () => (event) => void heard.push(event),
  });
  for (const [i, callId] of callIds.entries()) {
    const scorers = [{ name: "p", callId }];
    events.begin(create(DecisionSchema, { profiles: [{ name: "default", scorers }] }), (i + 1) * 256);
  }
  return events;
}

describe("a plugin in a process", () => {
  it("hears before a call what it had heard before it, and the rest before the next", () => {
    asked("p", 1_024);
    asked("p", 2_048);
    told("p", 1_024);
    asked("p", 4_096);
    told("p", 2_048, 4_096);
    asked("p", 8_192);
    const events = open(1_024, 2_048, 4_096, 8_192);
    const steps = [256, 512, 768, 1_024].map((callId) => {
      const hasHeard = events.catchUp("p", callId);
      return [hasHeard, heard.splice(0).map((event) => [event.callId, event.slot])];
    });
    expect(steps).toEqual([
      [false, []],
      [false, []],
      [true, [[256, 1_024]]],
      [
        true,
        [
          [512, 2_048],
          [768, 4_096],
        ],
      ],
    ]);
  });

  it("hears nothing of what others heard, nor of decisions that are not in the recording", () => {
    told("q", 1_024);
    told("p", 999_936);
    asked("p", 1_024);
    const events = open(1_024);
    expect(events.catchUp("p", 256)).toBe(true);
    expect(heard).toEqual([]);
  });

  it("is told otherwise where it was sent nothing, or runs inline", () => {
    asked("p", 1_024);
    const events = open(1_024);
    expect(["p", "q", "inline"].map((plugin) => events.tells(plugin))).toEqual([true, false, false]);
    expect(events.catchUp("inline", 256)).toBe(false);
  });

  it("is known to have begun anew", () => {
    asked("p", 1_024);
    expect(log.restarted.has("p")).toBe(false);
    frame("p", { case: "hello", value: {} });
    expect(log.restarted.has("p")).toBe(true);
  });

  it("loses what lies too far behind", () => {
    for (let i = 0; i < 100_010; i++) told("p", 1_024);
    asked("p", 2_048);
    const events = open(1_024, 2_048);
    events.catchUp("p", 512);
    expect(heard).toHaveLength(100_000);
  });
});
