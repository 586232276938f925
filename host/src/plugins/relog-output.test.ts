import { PassThrough } from "node:stream";
import { setImmediate as turn } from "node:timers/promises";
import type { Logger } from "pino";
import { describe, expect, it } from "vitest";
import { createManualClock } from "./fixtures/manual-clock.ts";
import { relogOutput } from "./relog-output.ts";

function listen() {
  const stream = new PassThrough({ highWaterMark: 1 << 20 });
  const clock = createManualClock();
  const lines: string[] = [];
  const warnings: string[] = [];
  const log = {
    info: (_fields: object, text: string) => lines.push(text),
    warn: ({ droppedBytes }: { droppedBytes: number }) => warnings.push(`${droppedBytes} dropped`),
  } as unknown as Logger;
  let dropped = 0;
  relogOutput(stream, { log, stream: "stderr", clock, dropped: (bytes) => (dropped += bytes) });
  return { stream, clock, lines, warnings, dropped: () => dropped };
}

describe("a child's output", () => {
  const cases = [
    { title: "is logged line by line", writes: ["one\ntw", "o\nthree\n"], want: ["one", "two", "three"] },
    { title: "loses carriage returns and empty lines", writes: ["one\r\n\n\ntwo\n"], want: ["one", "two"] },
    { title: "is cleaned of colours", writes: ["\u001b[31mred\u001b[0m\n"], want: ["red"] },
    { title: "is cleaned of binary", writes: [Buffer.from([0, 1, 0xff, 65, 10])], want: ["\ufffd\ufffd\ufffdA"] },
    { title: "ends without a newline", writes: ["half"], want: ["half"] },
  ];
  for (const { title, writes, want } of cases) {
    it(title, async () => {
      const { stream, lines } = listen();
      for (const write of writes) stream.write(write);
      stream.end();
      await turn();
      await turn();
      expect(lines).toEqual(want);
    });
  }

  it("is cut where a line is long", async () => {
    const { stream, lines, dropped } = listen();
    stream.write("x".repeat(100_000));
    stream.write(`${"x".repeat(100_000)}\nnext\n`);
    await turn();
    expect(lines[0]!.length).toBeLessThan(4200);
    expect(lines[0]).toContain("195904 bytes cut");
    expect([lines[1], dropped()]).toEqual(["next", 195_904]);
  });

  it("is dropped and counted above its rate, and resumes at a whole line", async () => {
    const { stream, clock, lines, warnings, dropped } = listen();
    for (let i = 0; i < 2000; i += 1) stream.write(`line ${i}\n`);
    stream.write("the rest of");
    await turn();
    expect(lines.length).toBe(500);
    expect(dropped()).toBeGreaterThan(10_000);
    clock.advance(1000);
    stream.write(" a line\nlater\n");
    await turn();
    expect([lines.at(-1), warnings]).toEqual(["later", [`${dropped()} dropped`]]);
  });

  it("stops being read at 10 MiB/s, and goes on in the next window", async () => {
    const { stream, clock } = listen();
    for (let i = 0; i < 40; i += 1) stream.write(Buffer.alloc(64 * 1024, "x"));
    await turn();
    expect(stream.isPaused()).toBe(true);
    clock.advance(100);
    expect(stream.isPaused()).toBe(false);
  });
});
