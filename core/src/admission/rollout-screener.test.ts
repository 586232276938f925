import { describe, expect, it } from "vitest";
import { createRandom } from "../contract/index.ts";
import { tableOf } from "../filters/fixtures/calls.ts";
import { factsOf } from "../filters/fixtures/facts.ts";
import { type RevisionGating, toRevisionShares } from "./revision-shares.ts";
import { createRolloutScreener, type HeaderSelector } from "./rollout-screener.ts";

const gating: RevisionGating = {
  mode: "sum",
  roles: ["prefill", "decode"],
  revisionLabelKey: "revision",
  roleLabelKey: "role",
  scope: [{ key: "set", operator: "In", values: ["my-set"] }],
};
const strict: HeaderSelector = { name: "revision", headerName: "x-revision", labelKey: "revision", mode: "strict" };
const prefer: HeaderSelector = { name: "slice", headerName: "x-slice", labelKey: "slice", mode: "prefer" };

/** Endpoints of a revision, prefills first. */
const pods = (revision: string, prefill: number, decode: number, set = "my-set") =>
  Array.from({ length: prefill + decode }, (_, i) => ({
    id: `${set}-${revision}-${i}`,
    labels: { set, revision, role: i < prefill ? "prefill" : "decode" },
  }));

function screenerOf(more: Partial<RevisionGating> = {}, headerSelectors: readonly HeaderSelector[] = [strict, prefer]) {
  return createRolloutScreener("rollout", { gating: { ...gating, ...more }, headerSelectors });
}

type Table = ReturnType<typeof tableOf>;

function screen(
  screener: ReturnType<typeof screenerOf>,
  { current }: Table,
  headers: Record<string, string> = {},
  seed = 1,
) {
  const random = createRandom(seed);
  const about = { facts: factsOf(), header: (name: string) => headers[name], snapshot: current };
  return [...screener.screen({ ...about, candidates: current.live, random })];
}

/** Share of requests that each revision gets. */
function drawn(screener: ReturnType<typeof screenerOf>, table: Table): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (let seed = 0; seed < 2_000; seed++) {
    const revisions = new Set(
      screen(screener, table, {}, seed).map((slot) => table.current.at(slot)?.labels.revision ?? ""),
    );
    expect(revisions.size).toBe(1);
    for (const revision of revisions) counts[revision] = (counts[revision] ?? 0) + 1 / 2_000;
  }
  return counts;
}

describe("toRevisionShares", () => {
  const old = pods("a", 2, 9);
  const cases = [
    {
      title: "by sum go by all endpoints",
      mode: "sum",
      endpoints: [...old, ...pods("b", 1, 1)],
      want: { a: 11 / 13, b: 2 / 13 },
    },
    {
      title: "by max-role go by the largest role",
      mode: "max-role",
      endpoints: [...old, ...pods("b", 1, 1)],
      want: { a: 0.9, b: 0.1 },
    },
    {
      title: "by max-role go by the first of equal roles",
      mode: "max-role",
      endpoints: [...pods("a", 3, 1), ...pods("b", 1, 3)],
      want: { a: 0.75, b: 0.25 },
    },
    {
      title: "are 0 where a role is missing",
      mode: "sum",
      endpoints: [...old, ...pods("b", 0, 4)],
      want: { a: 1, b: 0 },
    },
    {
      title: "are 0 for all where none is complete",
      mode: "max-role",
      endpoints: [...pods("a", 2, 0), ...pods("b", 0, 4)],
      want: { a: 0, b: 0 },
    },
    {
      title: "leave out what is not in scope",
      mode: "sum",
      endpoints: [...old, ...pods("b", 5, 5, "other")],
      want: { a: 1 },
    },
    {
      title: "leave out endpoints without revision or role",
      mode: "sum",
      endpoints: [...old, { id: "x", labels: { set: "my-set" } }],
      want: { a: 1 },
    },
  ] as const;
  for (const { title, mode, endpoints, want } of cases) {
    it(title, () => {
      const shares = Object.fromEntries(toRevisionShares(tableOf(endpoints).current, { ...gating, mode }));
      expect(shares).toEqual(
        Object.fromEntries(Object.entries(want).map(([name, share]) => [name, expect.closeTo(share, 9)])),
      );
    });
  }

  it("take what every object has for no label", () => {
    const { current } = tableOf(pods("a", 1, 1));
    expect(toRevisionShares(current, { ...gating, revisionLabelKey: "constructor" }).size).toBe(0);
    expect(toRevisionShares(current, { ...gating, roleLabelKey: "toString" }).size).toBe(0);
  });

  it("count ready endpoints alone", () => {
    const table = tableOf([...pods("a", 1, 1), ...pods("b", 1, 1)]);
    table.setReady(3, false);
    table.publish(1_000_001);
    expect([...toRevisionShares(table.current, gating)]).toEqual([
      ["a", 1],
      ["b", 0],
    ]);
  });
});

describe("the rollout screener", () => {
  const table = tableOf([...pods("a", 2, 9), ...pods("b", 1, 1)]);
  const slotsOf = (revision: string) =>
    [...table.current.live].filter((slot) => table.current.at(slot)?.labels.revision === revision);

  it("keeps a request within one revision, each as often as its share", () => {
    expect(drawn(screenerOf(), table)).toEqual({ a: expect.closeTo(11 / 13, 1), b: expect.closeTo(2 / 13, 1) });
    expect(drawn(screenerOf({ mode: "max-role" }), table)).toEqual({
      a: expect.closeTo(0.9, 1),
      b: expect.closeTo(0.1, 1),
    });
  });

  it("gives the same revision for the same randomness", () => {
    const screener = screenerOf();
    expect(screen(screener, table, {}, 5)).toEqual(screen(screener, table, {}, 5));
  });

  it("gives a request the revision that it names", () => {
    expect(screen(screenerOf(), table, { "x-revision": "b" })).toEqual(slotsOf("b"));
    expect(screen(screenerOf(), table, { "x-revision": "a", "x-slice": "none" })).toEqual(slotsOf("a"));
  });

  it("allows nothing where the named revision is unknown or lacks a role", () => {
    expect(screen(screenerOf(), table, { "x-revision": "c" })).toEqual([]);
    const half = tableOf([...pods("a", 1, 1), ...pods("b", 0, 3)]);
    expect(screen(screenerOf(), half, { "x-revision": "b" })).toEqual([]);
  });

  it("allows nothing where no revision is complete", () => {
    expect(screen(screenerOf(), tableOf(pods("a", 0, 3)))).toEqual([]);
    expect(screen(screenerOf(), tableOf([]))).toEqual([]);
  });

  it("draws no revision of which no candidate is left", () => {
    const screener = screenerOf();
    for (let seed = 0; seed < 50; seed++) {
      const { current } = table;
      const about = { facts: factsOf(), header: () => undefined, snapshot: current, random: createRandom(seed) };
      const candidates = Uint32Array.from(slotsOf("b"));
      expect(screener.screen({ ...about, candidates })).toBe(candidates);
    }
  });

  it("demands every strict header, and none of an empty value", () => {
    const zone: HeaderSelector = { name: "role", headerName: "x-role", labelKey: "role", mode: "strict" };
    const screener = screenerOf({}, [strict, zone]);
    const prefills = slotsOf("b").filter((slot) => table.current.at(slot)?.labels.role === "prefill");
    expect(screen(screener, table, { "x-revision": "b", "x-role": "prefill" })).toEqual(prefills);
    expect(screen(screener, table, { "x-revision": "b", "x-role": "" })).toEqual(slotsOf("b"));
  });

  it("does not choose revisions when disabled, and still heeds strict headers", () => {
    const screener = screenerOf({ mode: "disabled", roles: [] });
    expect(screen(screener, table)).toEqual([...table.current.live]);
    expect(screen(screener, table, { "x-revision": "b" })).toEqual(slotsOf("b"));
    expect(screen(screener, table, { "x-revision": "c" })).toEqual([]);
  });

  it("takes what every object has for no label", () => {
    const odd: HeaderSelector = { name: "odd", headerName: "x-odd", labelKey: "constructor", mode: "strict" };
    const screener = screenerOf({ mode: "disabled", roles: [] }, [odd]);
    expect(screen(screener, table, { "x-odd": `${Object}` })).toEqual([]);
    expect(screener.headersOf?.(table.current.at(0)!)).toEqual([]);
  });

  it("tells on the response the labels of the endpoint that was picked", () => {
    const labels = { revision: "a", slice: "3", else: "x" };
    const endpoint = { ...table.current.at(0)!, labels };
    expect(screenerOf().headersOf?.(endpoint)).toEqual([
      ["x-revision", "a"],
      ["x-slice", "3"],
    ]);
    expect(screenerOf().headersOf?.({ ...endpoint, labels: { slice: "" } })).toEqual([]);
    for (const slice of ["a\r\nx-mine: v", "a b", "\ud800", "é"]) {
      expect(screenerOf().headersOf?.({ ...endpoint, labels: { slice } })).toEqual([]);
    }
  });

  it("shows the shares of revisions, and how often a strict header matched nothing", () => {
    const screener = screenerOf();
    screen(screener, table, { "x-revision": "a" });
    const missing = { ...strict, name: "zone", headerName: "x-zone", labelKey: "zone" };
    const other = screenerOf({ mode: "disabled" }, [missing]);
    screen(other, table, { "x-zone": "z" });
    screen(other, table, { "x-zone": "z" });
    const miss = { kind: "counter", name: "disaggregatedset_strict_header_no_match" };
    const share = { kind: "gauge", name: "disaggregatedset_revision_gating_share" };
    expect(screener.figures?.(table.current)).toEqual([
      { ...miss, labels: { selector: "revision" }, value: 0 },
      { ...share, labels: { mode: "sum", revision: "a" }, value: expect.closeTo(11 / 13, 9) },
      { ...share, labels: { mode: "sum", revision: "b" }, value: expect.closeTo(2 / 13, 9) },
    ]);
    expect(other.figures?.(table.current)).toEqual([{ ...miss, labels: { selector: "zone" }, value: 2 }]);
  });
});
