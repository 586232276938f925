import { create, toBinary } from "@bufbuild/protobuf";
import { SessionRequestSchema, SessionResponseSchema } from "@outrider/protos/scorer";
import { describe, expect, it } from "vitest";
import type { FrameListener } from "../plugins/types.ts";
import { createFrameFeed } from "./frame-feed.ts";

const ping = toBinary(
  SessionRequestSchema,
  create(SessionRequestSchema, { frame: { case: "ping", value: { seq: 7 } } }),
);
const pong = toBinary(
  SessionResponseSchema,
  create(SessionResponseSchema, { frame: { case: "pong", value: { seq: 7 } } }),
);

/** Connections whose frames the test sends. */
function createTap() {
  const listeners = new Set<FrameListener>();
  return {
    listeners,
    tap(listener: FrameListener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    frame(direction: "sent" | "received", message: Uint8Array, process = "team") {
      for (const listen of listeners) listen({ process, generation: 2, atMs: 5, direction, message });
    },
  };
}

describe("a feed of frames", () => {
  it("gives frames as entries of a recording, in order, and waits for the first", async () => {
    const tap = createTap();
    const feed = createFrameFeed(tap.tap, []);
    const waited = feed.next();
    tap.frame("sent", ping);
    expect(await waited).toMatchObject([
      { entry: { value: { process: "team", generation: 2, atMs: 5, frame: { case: "sent" } } } },
    ]);
    tap.frame("received", pong);
    tap.frame("sent", ping);
    const cases = (await feed.next()).map(({ entry }) => entry.case === "frame" && entry.value.frame.case);
    expect(cases).toEqual(["received", "sent"]);
  });

  it("keeps its own copy of a message", async () => {
    const tap = createTap();
    const feed = createFrameFeed(tap.tap, []);
    const message = Uint8Array.of(0xff, 0xff, 0xff);
    tap.frame("received", message);
    message.fill(0);
    const [record] = await feed.next();
    expect(record).toMatchObject({
      entry: { value: { frame: { case: "invalid", value: Uint8Array.of(255, 255, 255) } } },
    });
  });

  it("hears only the processes asked for", async () => {
    const tap = createTap();
    const feed = createFrameFeed(tap.tap, ["mine"]);
    tap.frame("sent", ping);
    tap.frame("sent", ping, "mine");
    expect(await feed.next()).toHaveLength(1);
  });

  it("counts what a slow caller misses", async () => {
    const tap = createTap();
    const feed = createFrameFeed(tap.tap, [], ping.length * 2);
    for (let i = 0; i < 5; i++) tap.frame("sent", ping);
    expect(feed.dropped).toBe(3);
    expect(await feed.next()).toHaveLength(2);
    tap.frame("sent", ping);
    expect(await feed.next()).toHaveLength(1);
  });

  it("listens anew behind what was missed, so that what follows has a beginning", async () => {
    const tap = createTap();
    const greeted = (listener: FrameListener) => {
      const end = tap.tap(listener);
      listener({ process: "team", generation: 2, atMs: 1, direction: "received", message: pong });
      return end;
    };
    const feed = createFrameFeed(greeted, [], ping.length * 2);
    for (let i = 0; i < 3; i++) tap.frame("sent", ping);
    await feed.next();
    tap.frame("sent", ping);
    const cases = (await feed.next()).map(({ entry }) => entry.case === "frame" && entry.value.frame.case);
    expect([cases, tap.listeners.size, feed.dropped]).toEqual([["received", "sent"], 1, 2]);
  });

  it("takes a frame above its limit where none waits", async () => {
    const tap = createTap();
    const feed = createFrameFeed(tap.tap, [], 1);
    tap.frame("sent", ping);
    tap.frame("sent", ping);
    expect([(await feed.next()).length, feed.dropped]).toEqual([1, 1]);
  });

  it("hears nothing more once it is ended, and ends who waits", async () => {
    const tap = createTap();
    const feed = createFrameFeed(tap.tap, []);
    const waited = feed.next();
    feed.end();
    expect(await waited).toEqual([]);
    expect(tap.listeners.size).toBe(0);
  });
});
