import { describe, expect, it } from "vitest";
import { createDerivedValues, filledColumns } from "./derived-values.ts";
import type { ScrapedKey } from "./engine-spec.ts";

const unknown = Number.NaN;
const columns: readonly ScrapedKey[] = [
  "waiting_requests",
  "running_requests",
  "rate.prompt_tokens",
  "rate.output_tokens",
];

interface Page {
  readonly atS: number;
  readonly waiting?: number;
  readonly running?: number;
  readonly prompt?: number;
  readonly output?: number;
  readonly inflight?: number;
  readonly restarted?: boolean;
}

/** What the last of some pages comes to. */
function derive(...pages: readonly Page[]): Readonly<Record<string, number>> {
  const derived = createDerivedValues(columns);
  let values: Float64Array = new Float64Array(0);
  for (const { atS, waiting = 0, running = 0, prompt = 0, output = 0, inflight = 0, restarted = false } of pages) {
    values = derived.derive(Float64Array.of(waiting, running, prompt, output), inflight, atS * 1_000, restarted);
  }
  return Object.fromEntries(derived.columns.map((key, i) => [key, values[i]!]));
}

describe("requests of others", () => {
  const cases = [
    { title: "are what this host has not sent", waiting: 3, running: 4, inflight: 5, want: 2 },
    { title: "are none where it has sent all", waiting: 0, running: 4, inflight: 4, want: 0 },
    { title: "are none where what it sent is not there yet", waiting: 0, running: 1, inflight: 4, want: 0 },
    { title: "are unknown where the queue is", waiting: unknown, running: 1, inflight: 0, want: unknown },
    { title: "are unknown where the batch is", waiting: 1, running: unknown, inflight: 0, want: unknown },
  ];
  for (const { title, want, ...page } of cases) {
    it(title, () => expect(derive({ atS: 1, ...page }).foreign_requests).toBe(want));
  }

  it("are unknown where a page does not tell of queue or batch", () => {
    const { columns: filled, derive: run } = createDerivedValues(["waiting_requests"]);
    expect(filled).toEqual(["waiting_requests", "foreign_requests"]);
    expect([...run(Float64Array.of(2), 0, 0, false)]).toEqual([2, unknown]);
  });
});

describe("a rate", () => {
  const cases: readonly { title: string; pages: readonly Page[]; want: number }[] = [
    { title: "is unknown at first", pages: [{ atS: 1, prompt: 100 }], want: unknown },
    {
      title: "is unknown until a second has passed",
      pages: [
        { atS: 1, prompt: 100 },
        { atS: 1.5, prompt: 200 },
      ],
      want: unknown,
    },
    {
      title: "is what the count has grown by",
      pages: [
        { atS: 1, prompt: 100 },
        { atS: 1.5, prompt: 200 },
        { atS: 3, prompt: 500 },
      ],
      want: 200,
    },
    {
      title: "follows a change",
      pages: [
        { atS: 1, prompt: 0 },
        { atS: 2, prompt: 100 },
        { atS: 3, prompt: 300 },
      ],
      want: 130,
    },
    {
      title: "does not become negative where the count falls",
      pages: [
        { atS: 1, prompt: 500 },
        { atS: 2, prompt: 100 },
      ],
      want: unknown,
    },
    {
      title: "goes on from a count that fell",
      pages: [
        { atS: 1, prompt: 500 },
        { atS: 2, prompt: 100 },
        { atS: 4, prompt: 300 },
      ],
      want: 100,
    },
    {
      title: "starts anew with the server",
      pages: [
        { atS: 1, prompt: 0 },
        { atS: 2, prompt: 100 },
        { atS: 3, prompt: 200, restarted: true },
      ],
      want: unknown,
    },
    {
      title: "is not measured over a gap",
      pages: [
        { atS: 1, prompt: 0 },
        { atS: 60, prompt: 100 },
      ],
      want: unknown,
    },
    {
      title: "is not measured over a count that is unknown",
      pages: [
        { atS: 1, prompt: 0 },
        { atS: 2, prompt: unknown },
        { atS: 3, prompt: 200 },
      ],
      want: unknown,
    },
  ];
  for (const { title, pages, want } of cases) {
    it(title, () => expect(derive(...pages)["rate.prompt_tokens"]).toBe(want));
  }
});

describe("what a server can do", () => {
  it("is what it does while requests queue, prompts and answers together", () => {
    const pages = Array.from({ length: 7 }, (_, i) => ({ atS: 1 + i, waiting: 1, prompt: 100 * i, output: 50 * i }));
    expect(derive(...pages)["rate.saturated_tokens"]).toBeCloseTo(150, 9);
    const idle = pages.map((page) => ({ ...page, waiting: 0 }));
    expect(derive(...idle)["rate.saturated_tokens"]).toBe(unknown);
  });

  it("is a column only where tokens are counted", () => {
    expect(filledColumns(["waiting_requests"])).not.toContain("rate.saturated_tokens");
    expect(filledColumns(columns)).toContain("rate.saturated_tokens");
  });
});
