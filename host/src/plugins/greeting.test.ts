import { create, toBinary } from "@bufbuild/protobuf";
import { type SessionRequest, SessionRequestSchema, SessionResponseSchema } from "@outrider/protos/scorer";
import { describe, expect, it } from "vitest";
import { createGreeting, type Greeting } from "./greeting.ts";

const sent = (frame: SessionRequest["frame"]) =>
  toBinary(SessionRequestSchema, create(SessionRequestSchema, { frame } as never));
const hello = (handoff = 0) =>
  sent({ case: "hello", value: { host: "outrider", handoff: new Uint8Array(handoff) } as never });
const configure = (budgetUs: number) => sent({ case: "configure", value: { budgetUs } as never });
const received = (kind: "hello" | "configured" | "scores") =>
  toBinary(SessionResponseSchema, create(SessionResponseSchema, { frame: { case: kind, value: {} } } as never));

function shown(greeting: Greeting): readonly (readonly [string, number, number])[] {
  const frames: [string, number, number][] = [];
  greeting.show((direction, message, atMs) => frames.push([direction, message.length, atMs]));
  return frames;
}

describe("a greeting", () => {
  it("is how the connection was opened, with the times, and nothing of what followed", () => {
    let nowMs = 0;
    const greeting = createGreeting(() => nowMs);
    const opening = [hello(), received("hello"), configure(9), received("configured")];
    const following = [sent({ case: "score", value: {} as never }), received("scores"), new Uint8Array(0)];
    for (const [i, message] of [...opening, ...following].entries()) {
      nowMs = i;
      greeting.note(i % 2 === 0 ? "sent" : "received", message);
      message.fill(0);
    }
    expect(shown(greeting)).toEqual(opening.map(({ length }, i) => [i % 2 === 0 ? "sent" : "received", length, i]));
  });

  it("keeps the first hello and the last configuration", () => {
    let nowMs = 0;
    const greeting = createGreeting(() => ++nowMs);
    for (const message of [hello(), configure(9), hello(90_000), configure(900_000)]) greeting.note("sent", message);
    expect(shown(greeting)).toEqual([
      ["sent", hello().length, 1],
      ["sent", configure(900_000).length, 3],
    ]);
  });

  it("is forgotten with the connection", () => {
    const greeting = createGreeting(() => 1);
    greeting.note("sent", hello());
    greeting.clear();
    expect(shown(greeting)).toEqual([]);
  });
});
