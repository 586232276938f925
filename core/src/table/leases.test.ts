import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createEndpointTable } from "./endpoint-table.ts";
import { createLeases, unwatchedLeaseMs } from "./leases.ts";
import type { EndpointTable } from "./types.ts";

const entry = (id: string) => ({ id, address: `${id}:1`, labels: {} });

function setUp(endpoints = 2) {
  const table = createEndpointTable({ epoch: 1, ringSize: 1 });
  for (let i = 0; i < endpoints; i++) table.upsert(entry(`e${i}`));
  table.publish(1);
  const counts = (slot: number) =>
    [table.inflight.requests, table.inflight.promptTokens, table.inflight.outputTokens].map((column) => column[slot]);
  return { table, leases: createLeases(table), counts };
}

describe("bad input", () => {
  const cases = [
    { title: "NaN", tokens: Number.NaN },
    { title: "Infinity", tokens: Number.POSITIVE_INFINITY },
    { title: "a negative number", tokens: -5 },
  ];
  for (const { title, tokens } of cases) {
    it(`counts ${title} of tokens as 0`, () => {
      const { leases, counts } = setUp();
      leases.open(0, tokens, tokens, 1);
      expect(counts(0)).toEqual([1, 0, 0]);
    });
  }

  it("refuses a slot that the table does not have", () => {
    const { leases } = setUp();
    for (const slot of [-1, 1_000, Number.NaN]) expect(() => leases.open(slot, 1, 1, 1)).toThrow(RangeError);
    expect(leases.count()).toBe(0);
  });
});

describe("a lease", () => {
  it("counts its prompt until the first token and the rest until its end, each once", () => {
    const { leases, counts } = setUp();
    const lease = leases.open(1, 100, 50, 1);
    expect(counts(1)).toEqual([1, 100, 50]);
    lease.firstToken();
    lease.firstToken();
    expect(counts(1)).toEqual([1, 0, 50]);
    lease.end();
    lease.end();
    lease.firstToken();
    expect(counts(1)).toEqual([0, 0, 0]);
    expect(leases.count()).toBe(0);
  });

  it("takes its prompt back too when it ends before the first token", () => {
    const { leases, counts } = setUp();
    leases.open(1, 100, 50, 1).end();
    expect(counts(1)).toEqual([0, 0, 0]);
  });

  it("expires by age, tells so once, and counts no more", () => {
    const { leases, counts } = setUp();
    const told: string[] = [];
    const old = leases.open(0, 10, 0, 1_000, () => told.push("old"));
    leases.open(0, 20, 0, 2_000, () => told.push("young"));
    expect(leases.sweep(3_001, 2_000)).toBe(1);
    expect(leases.sweep(3_001, 2_000)).toBe(0);
    old.end();
    expect(told).toEqual(["old"]);
    expect(counts(0)).toEqual([1, 20, 0]);
  });

  it("tells nothing of an expiry when it has ended", () => {
    const { leases } = setUp();
    let told = 0;
    leases.open(0, 10, 0, 1, () => told++).end();
    leases.sweep(1e9, 1);
    expect(told).toBe(0);
  });

  it("keeps its slot from the next endpoint until it ends", () => {
    const { table, leases, counts } = setUp();
    const lease = leases.open(0, 10, 5, 1);
    table.remove("e0");
    for (const ready of [true, false, true]) {
      table.setReady(1, ready);
      table.publish(1);
    }
    expect(table.upsert(entry("next"))).toBe(2);
    lease.end();
    expect(table.upsert(entry("last"))).toBe(0);
    expect(counts(0)).toEqual([0, 0, 0]);
  });

  it("survives the growth of the slot space", () => {
    const { table, leases, counts } = setUp();
    const lease = leases.open(0, 10, 5, 1);
    for (let i = 0; i < 100; i++) table.upsert(entry(`more${i}`));
    const late = leases.open(100, 1, 1, 1);
    expect(counts(0)).toEqual([1, 10, 5]);
    lease.end();
    late.end();
    expect([...counts(0), ...counts(100)]).toEqual([0, 0, 0, 0, 0, 0]);
  });
});

describe("a lease that was let go", () => {
  /** A scrape of an endpoint has come, and is published. */
  const scrape = (table: EndpointTable, slot: number, atMs: number) => {
    table.setValues(slot, [table.column("waiting_requests")], [1], atMs);
    table.publish(atMs);
  };

  it("ends with the second scrape of its endpoint since it was opened, and tells so once", () => {
    const { table, leases, counts } = setUp();
    let told = 0;
    scrape(table, 1, 1);
    leases.open(1, 10, 5, 2, () => told++).letGo();
    scrape(table, 1, 3);
    expect([counts(1), told]).toEqual([[1, 10, 5], 0]);
    for (const atMs of [4, 5, 6]) scrape(table, 1, atMs);
    leases.sweep(1e9, 1);
    expect([counts(1), told, leases.count()]).toEqual([[0, 0, 0], 1, 0]);
  });

  it("does not end before what was scraped is published", () => {
    const { table, leases } = setUp();
    leases.open(1, 10, 5, 2).letGo();
    for (const atMs of [3, 4]) table.setValues(1, [0], [1], atMs);
    expect(leases.count()).toBe(1);
    table.publish(5);
    expect(leases.count()).toBe(0);
  });

  it("ends with the next scrape where two have come since it was opened", () => {
    const { table, leases } = setUp();
    const lease = leases.open(1, 10, 5, 2);
    for (const atMs of [3, 4, 5]) scrape(table, 1, atMs);
    expect(leases.count()).toBe(1);
    lease.letGo();
    scrape(table, 1, 6);
    expect(leases.count()).toBe(0);
  });

  it("does not end with scrapes of other endpoints", () => {
    const { table, leases } = setUp();
    leases.open(1, 10, 5, 2).letGo();
    for (const atMs of [3, 4, 5]) scrape(table, 0, atMs);
    expect(leases.count()).toBe(1);
  });

  it("ends with scrapes that bring nothing new, at the next sweep", () => {
    const { table, leases } = setUp();
    leases.open(1, 10, 5, 2).letGo();
    for (const atMs of [3, 4]) table.setValues(1, [0], [Number.NaN], atMs);
    table.publish(5);
    expect([leases.sweep(6, 1_000), leases.count()]).toEqual([1, 0]);
  });

  it("ends where its endpoint leaves, while one that is seen stays", () => {
    const { table, leases } = setUp();
    let told = 0;
    leases.open(1, 10, 5, 2, () => told++).letGo();
    const seen = leases.open(1, 1, 1, 2, () => told++);
    table.remove("e1");
    table.publish(3);
    expect([leases.count(), told]).toEqual([1, 1]);
    seen.end();
    expect(leases.count()).toBe(0);
  });

  it("ends after 5 minutes where its endpoint is not scraped", () => {
    const { leases } = setUp();
    let told = 0;
    leases.open(0, 10, 5, 1_000, () => told++).letGo();
    leases.open(0, 10, 5, 1_000);
    expect(leases.sweep(1_000 + unwatchedLeaseMs, 3_600_000)).toBe(0);
    expect(leases.sweep(1_001 + unwatchedLeaseMs, 3_600_000)).toBe(1);
    expect([leases.count(), told]).toEqual([1, 1]);
  });

  it("ends no more once it has ended", () => {
    const { table, leases, counts } = setUp();
    let told = 0;
    const lease = leases.open(1, 10, 5, 2, () => told++);
    lease.end();
    lease.letGo();
    leases.open(1, 10, 5, 2, () => told++).letGo();
    leases.open(1, 1, 1, 2);
    for (const atMs of [3, 4, 5]) scrape(table, 1, atMs);
    expect([counts(1), told]).toEqual([[1, 1, 1], 1]);
  });
});

it("returns every count to exactly 0, whatever the order of events and the size of the sums", () => {
  const events = fc.array(
    fc.record({
      slot: fc.nat(3),
      promptTokens: fc.integer({ min: 0, max: 2 ** 30 }),
      outputTokens: fc.double({ min: 0, max: 1e6, noNaN: true }),
      hasFirstToken: fc.boolean(),
      isLetGo: fc.boolean(),
      endsAfter: fc.nat(20),
    }),
    { minLength: 10, maxLength: 60 },
  );
  fc.assert(
    fc.property(events, (requests) => {
      const { table, leases, counts } = setUp(4);
      const open = requests.map(({ slot, promptTokens, outputTokens }, i) =>
        leases.open(slot, promptTokens, outputTokens, i),
      );
      requests
        .map((request, i) => ({ ...request, lease: open[i] }))
        .sort((one, other) => one.endsAfter - other.endsAfter)
        .forEach(({ slot, lease, hasFirstToken, isLetGo, endsAfter }) => {
          if (hasFirstToken) lease.firstToken();
          if (isLetGo) lease.letGo();
          else if (endsAfter < 18) lease.end();
          table.setValues(slot, [0], [endsAfter], endsAfter);
          table.publish(endsAfter);
        });
      leases.sweep(1e6, 0);
      expect(leases.count()).toBe(0);
      for (let slot = 0; slot < 4; slot++) expect(counts(slot)).toEqual([0, 0, 0]);
      expect(table.inflight.requests.every((count) => count === 0)).toBe(true);
    }),
  );
});
