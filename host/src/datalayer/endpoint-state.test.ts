import { createEndpointTable } from "@outrider/core";
import { describe, expect, it } from "vitest";
import { createEndpointSets } from "./endpoint-sets.ts";
import { createEndpointRow } from "./endpoint-state.ts";
import type { ScrapedPage } from "./metrics-parser.ts";
import type { FaultReason } from "./scrape-fault.ts";

const sets = { models: ["m"] };

function page(waiting: number, tells: Partial<ScrapedPage> = {}): ScrapedPage {
  const values = Float64Array.of(waiting, 3);
  return { values, startedAtS: Number.NaN, counter: Number.NaN, sets, unreadable: 0, ...tells };
}

function createRow(intervalMs = 50, wasDown = false) {
  const table = createEndpointTable({ epoch: 1 });
  const slot = table.upsert({ id: "a", address: "10.0.0.1:80", labels: {} });
  const columns = [table.column("waiting_requests"), table.column("running_requests")];
  const sets = createEndpointSets(table, slot);
  const row = createEndpointRow({
    table,
    slot,
    columns,
    derive: (values) => values,
    sets,
    intervalMs: () => intervalMs,
    wasDown,
  });
  const fail = (...reasons: FaultReason[]) => {
    for (const reason of reasons) row.failed({ reason, detail: "" });
  };
  const seen = () => {
    const snapshot = table.publish(10_000);
    return {
      ready: snapshot.ready[slot] === 1,
      waiting: snapshot.columns.waitingRequests[slot],
      running: snapshot.columns.runningRequests[slot],
      atMs: snapshot.columns.measuredAtMs("waiting_requests")[slot],
      incarnation: snapshot.at(slot)!.incarnation,
      sets: snapshot.at(slot)!.sets,
    };
  };
  return { row, fail, seen };
}

describe("the row of an endpoint", () => {
  it("is ready and unknown before the first page, also where none ever comes", () => {
    const { row, fail, seen } = createRow();
    expect(seen()).toMatchObject({ ready: true, waiting: Number.NaN });
    fail("status", "invalid", "timeout", "reset", "too_large");
    row.check(1_000_000);
    expect(row.state).toBe("unknown");
    expect(seen()).toMatchObject({ ready: true, waiting: Number.NaN });
  });

  const ends = [
    { title: "a page", come: ({ row }: ReturnType<typeof createRow>) => row.scraped(page(7), 0, 4_000) },
    { title: "an answer that is no page", come: ({ fail }: ReturnType<typeof createRow>) => fail("status") },
  ];
  for (const { title, come } of ends) {
    it(`stays not ready where it was so before, until ${title} comes`, () => {
      const created = createRow(50, true);
      created.fail("refused");
      expect(created.seen().ready).toBe(false);
      come(created);
      expect(created.seen().ready).toBe(true);
    });
  }

  it("holds a page's values with their time, and its sets", () => {
    const { row, seen } = createRow();
    row.scraped(page(7), 0, 4_000.9);
    expect(row.state).toBe("ready");
    expect(seen()).toEqual({ ready: true, waiting: 7, running: 3, atMs: 4_000, incarnation: 0, sets });
  });

  it("loses the one value that a page does not tell", () => {
    const { row, seen } = createRow();
    row.scraped(page(7), 0, 4_000);
    row.scraped(page(Number.NaN), 50, 4_050);
    expect(seen()).toMatchObject({ ready: true, waiting: Number.NaN, running: 3 });
  });

  it("is not ready behind three refusals in a row, until a page comes", () => {
    const { row, fail, seen } = createRow();
    fail("refused", "refused", "status", "refused", "refused");
    expect(seen().ready).toBe(true);
    fail("refused");
    expect(row.state).toBe("not_ready");
    expect(seen().ready).toBe(false);
    row.scraped(page(0), 0, 0);
    expect(seen().ready).toBe(true);
  });

  it("is ready again where the server answers, if without a page", () => {
    const { fail, seen } = createRow();
    fail("refused", "refused", "refused", "status");
    expect(seen().ready).toBe(true);
  });

  const limits = [
    { intervalMs: 50, limitMs: 2_000 },
    { intervalMs: 1_000, limitMs: 3_000 },
  ];
  for (const { intervalMs, limitMs } of limits) {
    it(`is not ready and unknown when silent for ${limitMs} ms at an interval of ${intervalMs} ms (defect: failed scrapes keep the old values)`, () => {
      const { row, fail, seen } = createRow(intervalMs);
      row.scraped(page(7), 500, 4_000);
      fail("status");
      row.check(500 + limitMs - 1);
      expect(seen()).toMatchObject({ ready: true, waiting: 7 });
      row.check(500 + limitMs);
      expect(row.state).toBe("not_ready");
      expect(seen()).toMatchObject({ ready: false, waiting: Number.NaN, running: Number.NaN, sets });
      row.scraped(page(8), 9_000, 9_000);
      expect(seen()).toMatchObject({ ready: true, waiting: 8 });
    });
  }

  const restarts = [
    { title: "a later start", pages: [{ startedAtS: 100 }, { startedAtS: 200 }], want: 1 },
    { title: "the same start", pages: [{ startedAtS: 100 }, { startedAtS: 100 }], want: 0 },
    { title: "a start computed anew", pages: [{ startedAtS: 100 }, { startedAtS: 101 }], want: 0 },
    {
      title: "several processes behind one port",
      pages: [{ startedAtS: 100 }, { startedAtS: 90 }, { startedAtS: 100 }],
      want: 0,
    },
    {
      title: "a later start behind pages that tell none",
      pages: [{ startedAtS: 100 }, {}, { startedAtS: 200 }],
      want: 1,
    },
    {
      title: "a counter that falls, without a start",
      pages: [{ counter: 9 }, { counter: 12 }, { counter: 3 }],
      want: 1,
    },
    {
      title: "a counter that falls though the start is the same",
      pages: [
        { startedAtS: 100, counter: 9 },
        { startedAtS: 100, counter: 3 },
      ],
      want: 0,
    },
  ];
  for (const { title, pages, want } of restarts) {
    it(`counts ${want} restarts at ${title}`, () => {
      const { row, seen } = createRow();
      const restarted = pages.map((tells) => row.scraped(page(1, tells), 0, 0));
      expect(seen().incarnation).toBe(want);
      expect(restarted.filter(Boolean)).toHaveLength(want);
    });
  }
});
