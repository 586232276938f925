import { fromBinary } from "@bufbuild/protobuf";
import { SessionRequestSchema } from "@outrider/protos/scorer";
import { describe, expect, it } from "vitest";
import { createFrameTaps } from "../frame-taps.ts";
import { createPostedOrder } from "./posted-order.ts";

const event = {
  ...({ kind: "done", callId: 7, slot: 2, atMs: 5, cause: "ok", status: 200, e2eMs: 9 } as const),
  ...{ promptTokens: 1, cachedTokens: 0, outputTokens: 3, ttftUs: 4 },
};

describe("the order in which plugins on threads are handed things", () => {
  it("is shown as frames of a process of their own name, until nobody listens", () => {
    const taps = createFrameTaps();
    const posts = createPostedOrder(taps, () => 11);
    const shown: unknown[] = [];
    posts.asked("p", 6);
    const end = taps.tap(({ message, ...head }) =>
      shown.push({ ...head, ...fromBinary(SessionRequestSchema, message) }),
    );
    posts.asked("p", 7);
    posts.told("q", event);
    end();
    posts.asked("p", 8);
    expect(shown).toMatchObject([
      {
        ...{ process: "worker:p", generation: 0, atMs: 11, direction: "sent" },
        frame: { case: "score", value: { calls: [{ callId: 7 }] } },
      },
      {
        process: "worker:q",
        frame: { case: "feedback", value: { events: [{ callId: 7, slot: 2, event: { case: "done" } }] } },
      },
    ]);
    expect(shown).toHaveLength(2);
  });
});
