import { setTimeout as sleep } from "node:timers/promises";
import type { FeedbackEvent } from "@outrider/core/contract";
import type { InstanceEvent } from "@outrider/transport";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createFeedbackSender, type FeedbackSink, gatherMs } from "./feedback-sender.ts";

const gathered = () => sleep(2 * gatherMs);

const progress = (callId: number): FeedbackEvent => ({
  kind: "progress",
  callId,
  slot: 0,
  atMs: 0,
  chunks: 1,
  outputTokens: 1,
  elapsedMs: 1,
});
const picked = (callId: number): FeedbackEvent => ({
  kind: "picked",
  callId,
  slot: 0,
  atMs: 0,
  ownScore: 1,
  totalScore: 1,
  fallback: false,
  promptTokens: 1,
  picks: [],
});

/** A plugin's end of the feedback: what arrived, and whether its stream is full. */
function createSink() {
  const sink = {
    full: false,
    ids: [] as number[],
    dropped: [] as number[],
    inflights: [] as number[][],
    feedback(events: readonly InstanceEvent[], dropped: number) {
      if (sink.full) return false;
      sink.ids.push(...events.map(({ event }) => event.callId));
      if (dropped > 0) sink.dropped.push(dropped);
      return true;
    },
    inflight(requests: Float32Array) {
      sink.inflights.push([...requests]);
    },
  } satisfies FeedbackSink & Record<string, unknown>;
  return sink;
}

function createSender() {
  let lost = 0;
  const sender = createFeedbackSender(
    () => Float32Array.of(2, 0, 1),
    (count) => (lost += count),
  );
  return { sender, lost: () => lost };
}

describe("feedback", () => {
  it("is sent in order, gathered for some ms", async () => {
    const { sender } = createSender();
    const sink = createSink();
    sender.attach(sink, true);
    for (let id = 0; id < 1200; id += 1) sender.push(1, picked(id));
    expect(sink.ids).toEqual([]);
    await gathered();
    expect(sink.ids).toEqual(Array.from({ length: 1200 }, (_, id) => id));
    expect([sink.dropped, sink.inflights]).toEqual([[], []]);
  });

  it("is sent at once where that is asked for, as far as the stream takes it", () => {
    const { sender } = createSender();
    const sink = createSink();
    sender.attach(sink, true);
    for (const full of [true, false]) {
      sink.full = full;
      sender.push(1, picked(1));
      sender.flush();
    }
    expect([sink.ids, sender.queued]).toEqual([[1, 1], 0]);
    sink.full = true;
    sender.push(1, picked(2));
    sender.flush();
    expect([sink.ids.length, sender.queued]).toEqual([2, 1]);
  });

  it("waits while the stream is full, and while there is no connection", async () => {
    const { sender } = createSender();
    const sink = createSink();
    sink.full = true;
    sender.attach(sink, true);
    sender.push(1, picked(1));
    await gathered();
    sender.detach();
    sender.push(1, picked(2));
    await gathered();
    sink.full = false;
    sender.attach(sink, true);
    await gathered();
    expect(sink.ids).toEqual([1, 2]);
  });

  it("lets progress die first, all of it at once", async () => {
    const { sender, lost } = createSender();
    const sink = createSink();
    for (let id = 0; id < 4096; id += 1) sender.push(1, id % 2 === 0 ? progress(id) : picked(id));
    sender.push(1, picked(9999));
    sender.attach(sink, true);
    await gathered();
    expect([sink.ids.length, sink.ids.at(-1), sink.dropped, lost()]).toEqual([2049, 9999, [2048], 2048]);
    expect(sink.inflights).toEqual([]);
  });

  it("drops the newest when nothing of it is progress, then repairs the plugin's counts", async () => {
    const { sender, lost } = createSender();
    const sink = createSink();
    for (let id = 0; id < 5000; id += 1) sender.push(1, picked(id));
    sender.attach(sink, true);
    await gathered();
    expect([sink.ids.length, sink.dropped, lost(), sender.dropped]).toEqual([4096, [904], 904, 904]);
    expect(sink.inflights).toEqual([[2, 0, 1]]);
  });

  it("forgets what a restarted plugin cannot know, and tells it what is in flight", async () => {
    const { sender } = createSender();
    const sink = createSink();
    sender.push(1, picked(1));
    sender.attach(sink, false);
    await gathered();
    expect([sink.ids, sink.inflights]).toEqual([[], [[2, 0, 1]]]);
  });

  it("of a lost connection may not have arrived: the next one begins with what is in flight", async () => {
    const { sender } = createSender();
    const sink = createSink();
    sender.attach(createSink(), true);
    sender.push(1, picked(1));
    sender.flush();
    sender.detach();
    sender.attach(sink, true);
    await gathered();
    expect(sink.inflights).toEqual([[2, 0, 1]]);
  });
});

/** What happens to a host that sends requests to four slots, and to the plugin that counts them. */
const event = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant("send"), slot: fc.nat(3), count: fc.integer({ min: 1, max: 5000 }) }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant("end"), slot: fc.nat(3), count: fc.integer({ min: 1, max: 5000 }) }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom("stall", "wake", "flush") }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom("lose", "restart") }) },
) as fc.Arbitrary<
  | { readonly kind: "send" | "end"; readonly slot: number; readonly count: number }
  | { readonly kind: "stall" | "wake" | "flush" | "lose" | "restart" }
>;

it("leads a plugin's counts to what is in flight, whatever half of the events is dropped, lost or forgotten", () => {
  let dropped = 0;
  let pushed = 0;
  fc.assert(
    fc.property(fc.array(event, { minLength: 20, maxLength: 60, size: "max" }), (history) => {
      const inflight = new Float32Array(4);
      const sender = createFeedbackSender(
        () => inflight,
        (count) => (dropped += count),
      );
      const plugin = createCounter();
      const push = (kind: "picked" | "done", slot: number) => {
        pushed += 1;
        inflight[slot]! += kind === "picked" ? 1 : -1;
        sender.push(1, { ...picked(1), kind, slot } as FeedbackEvent);
      };
      const connect = (remembers: boolean) => {
        sender.detach();
        plugin.isFull = false;
        if (!remembers) plugin.counts.fill(0);
        sender.attach(plugin, remembers);
      };
      sender.attach(plugin, false);
      for (const step of history) {
        if (step.kind === "send") for (let i = 0; i < step.count; i += 1) push("picked", step.slot);
        else if (step.kind === "end")
          for (let i = Math.min(step.count, inflight[step.slot]!); i > 0; i -= 1) push("done", step.slot);
        else if (step.kind === "stall" || step.kind === "wake") plugin.isFull = step.kind === "stall";
        else if (step.kind === "flush") sender.flush();
        else {
          // What the connection had taken last never arrived.
          plugin.forgetLast(step.kind === "restart");
          connect(step.kind === "lose");
        }
      }
      plugin.isFull = false;
      sender.flush();
      sender.detach();
      expect([...plugin.counts]).toEqual([...inflight]);
    }),
    { numRuns: 60 },
  );
  expect(dropped / pushed).toBeGreaterThan(0.25);
});

/** A plugin that counts what is in flight by what it is told. */
function createCounter() {
  const counts = new Float32Array(4);
  let last: readonly InstanceEvent[] = [];
  const count = (events: readonly InstanceEvent[], sign: 1 | -1) => {
    for (const { event } of events) counts[event.slot]! += event.kind === "picked" ? sign : -sign;
  };
  const counter = {
    counts,
    isFull: false,
    feedback(events: readonly InstanceEvent[]) {
      if (counter.isFull) return false;
      count(events, 1);
      last = events;
      return true;
    },
    inflight(requests: Float32Array) {
      counts.set(requests);
      last = [];
    },
    forgetLast(isAll: boolean) {
      if (!isAll) count(last, -1);
      last = [];
    },
  };
  return counter satisfies FeedbackSink & Record<string, unknown>;
}
