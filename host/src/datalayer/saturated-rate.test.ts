import { describe, expect, it } from "vitest";
import { createSaturatedRate } from "./saturated-rate.ts";

const unknown = Number.NaN;

interface Page {
  readonly atS: number;
  readonly tokens: number;
  readonly waiting: number;
  readonly restarted?: boolean;
}

/** What is said behind each page. */
function see(pages: readonly Page[]): readonly number[] {
  const rate = createSaturatedRate();
  return pages.map(({ atS, tokens, waiting, restarted = false }) => rate.see(tokens, waiting, 1_000 * atS, restarted));
}

/** A page every 50 ms; `tokens` and `waiting` by the time in s. */
function pagesOf(seconds: number, tokens: (atS: number) => number, waiting: (atS: number) => number): readonly Page[] {
  return Array.from({ length: 20 * seconds + 1 }, (_, i) => i / 20).map((atS) => ({
    atS,
    tokens: tokens(atS),
    waiting: waiting(atS),
  }));
}

/** A page a second, 100 tokens more in each, with these queues. */
function everySecond(...queues: readonly number[]): Page[] {
  return queues.map((waiting, atS) => ({ atS, tokens: 100 * atS, waiting }));
}

describe("what a server does while requests queue", () => {
  const queue = everySecond(1, 2, 1, 1, 3, 1, 1);
  const cases = [
    { title: "is unknown at first", pages: queue.slice(0, 1), want: unknown },
    { title: "is tokens over time", pages: queue, want: 100 },
    { title: "is not told without a queue", pages: everySecond(0, 0, 0, 0, 0, 0, 0), want: unknown },
    {
      title: "is not told by a queue of less than five seconds",
      pages: everySecond(1, 1, 1, 1, 0, 0, 0),
      want: unknown,
    },
    { title: "is not told by several short queues", pages: everySecond(1, 1, 0, 1, 1, 0, 1, 1, 0), want: unknown },
    { title: "is not told where the queue is unknown", pages: everySecond(1, 1, 1, unknown, 1, 1, 1), want: unknown },
    {
      title: "is told by the page behind the queue too, which shows its last tokens",
      pages: everySecond(1, 1, 1, 1, 1, 0).map((page) => ({ ...page, tokens: page.atS === 5 ? 5_000 : 0 })),
      want: 1_000,
    },
    { title: "stands when the queue is gone", pages: [...queue, { atS: 50, tokens: 9e9, waiting: 0 }], want: 100 },
    { title: "is forgotten after a minute", pages: [...queue, { atS: 70, tokens: 700, waiting: 0 }], want: unknown },
    {
      title: "starts anew with the server",
      pages: [...queue, { atS: 7, tokens: 0, waiting: 1, restarted: true }],
      want: unknown,
    },
    {
      title: "is not told by a count that fell",
      pages: everySecond(1, 1, 1, 1, 1, 1).map((page) => (page.atS < 3 ? { ...page, tokens: 9e9 } : page)),
      want: unknown,
    },
    {
      title: "is not told by a count that is unknown",
      pages: everySecond(1, 1, 1, 1, 1, 1).map((page) => (page.atS === 3 ? { ...page, tokens: unknown } : page)),
      want: unknown,
    },
    {
      title: "is not told over a gap between pages",
      pages: [
        { atS: 0, tokens: 0, waiting: 1 },
        { atS: 20, tokens: 100, waiting: 1 },
      ],
      want: unknown,
    },
  ];
  for (const { title, pages, want } of cases) it(title, () => expect(Math.round(see(pages).at(-1)!)).toBe(want));

  it("is not taken for little in the pauses of steps that last seconds", () => {
    const known = see(
      pagesOf(
        60,
        (atS) => 12_000 * Math.floor(atS / 4),
        () => 1,
      ),
    ).filter((value) => value >= 0);
    expect(known.length).toBeGreaterThan(1_000);
    expect(Math.min(...known)).toBeGreaterThan(2_000);
    expect(Math.max(...known)).toBeLessThan(4_500);
    expect(known.at(-1)).toBeCloseTo(3_000, -3);
  });

  it("is not told by requests that each wait for the end of one long step", () => {
    // A step of 2 s every 3 s, of whose tokens only the few of running answers are counted when it ends.
    const pages = pagesOf(
      60,
      (atS) => 5 * Math.floor(atS / 3),
      (atS) => (atS % 3 < 2 ? 1 : 0),
    );
    expect(see(pages).every(Number.isNaN)).toBe(true);
  });

  it("is nothing where a queue stands still", () => {
    expect(
      see(
        pagesOf(
          20,
          () => 7_000,
          () => 3,
        ),
      ).at(-1),
    ).toBe(0);
  });

  it("follows a change", () => {
    const pages = pagesOf(
      60,
      (atS) => 1_000 * atS + 1_000 * Math.max(0, atS - 30),
      () => 1,
    );
    const known = see(pages);
    expect(known[20 * 29]).toBeCloseTo(1_000, 6);
    expect(known.at(-1)).toBeGreaterThan(1_700);
    expect(known.at(-1)).toBeLessThan(2_000);
  });
});
