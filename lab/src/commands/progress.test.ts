import { describe, expect, it } from "vitest";
import { createProgress } from "./progress.ts";

function show(
  isTTY: boolean,
  steps: readonly (readonly [realMs: number, atMs: number, ended: number])[],
  durationMs: number,
) {
  const written: string[] = [];
  let nowMs = 0;
  const progress = createProgress({ isTTY, write: (text) => written.push(text) }, durationMs, () => nowMs);
  for (const [realMs, atMs, ended] of steps) {
    nowMs = realMs;
    progress.show(atMs, ended);
  }
  progress.end();
  return written;
}

describe("progress", () => {
  it("rewrites one line of a terminal and takes it away", () => {
    expect(
      show(
        true,
        [
          [100, 5_000, 40],
          [200, 65_000, 1234],
        ],
        130_000,
      ),
    ).toEqual([
      "\r\u001b[Ksimulated 5 s (3 %), 40 requests ended",
      "\r\u001b[Ksimulated 1 min 5 s (50 %), 1,234 requests ended",
      "\r\u001b[K",
    ]);
  });

  it("writes a line to a log now and then", () => {
    const lines = show(
      false,
      [
        [100, 1_000, 1],
        [9_000, 2_000, 2],
        [11_000, 3_000, 3],
        [12_000, 4_000, 4],
      ],
      Infinity,
    );
    expect(lines).toEqual(["simulated 3 s, 3 requests ended\n", "simulated 4 s, 4 requests ended in 12s\n"]);
  });

  it("says nothing of what is over at once", () => {
    expect(show(false, [[100, 1_000, 1]], Infinity)).toEqual([]);
    expect(show(true, [], Infinity)).toEqual([]);
  });

  it("stays at 100 % while what is left is finished", () => {
    expect(show(true, [[1, 300, 1]], 100)[0]).toContain("(100 %)");
  });
});
