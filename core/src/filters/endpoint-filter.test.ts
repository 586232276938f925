import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createEndpointFilter } from "./endpoint-filter.ts";
import { callAbout, callOf, tableOf } from "./fixtures/calls.ts";
import { createByLabelFilter, createLabelSelectorFilter, createRoleFilter } from "./label-filters.ts";
import { toLabelSelector } from "./label-selector.ts";
import type { Stage } from "./roles.ts";

describe("a filter by what endpoints are", () => {
  it("tests each endpoint once, and again when something of it has changed", () => {
    const tested: string[] = [];
    const filter = createEndpointFilter("f", "t", ({ id, labels }) => {
      tested.push(id);
      return labels.drop === undefined;
    });
    const table = tableOf([{}, {}, {}]);
    const decide = () => [...filter.filter(callOf(table.current, { candidates: table.current.live.slice() }))];
    expect([decide(), decide(), tested]).toEqual([
      [0, 1, 2],
      [0, 1, 2],
      ["e0", "e1", "e2"],
    ]);

    table.upsert({ id: "e1", address: "10.0.0.2:8000", labels: { drop: "yes" } });
    table.setValue(0, "waiting_requests", 3, 1_000_001);
    table.publish(1_000_001);
    expect([decide(), tested.slice(3)]).toEqual([[0, 2], ["e1"]]);

    table.remove("e2");
    table.publish(1_000_002);
    expect([decide(), tested.slice(4)]).toEqual([[0], []]);
  });

  it("tells another endpoint in the same slot from the one before", () => {
    const filter = createEndpointFilter("f", "t", ({ id }) => id === "e0");
    expect([...filter.filter(callAbout([{}]))]).toEqual([0]);
    expect([...filter.filter(callAbout([{ id: "other" }]))]).toEqual([]);
  });

  it("hands the candidates back where all stay, and one answer to all who ask the same", () => {
    const filter = createEndpointFilter("f", "t", ({ slot }) => slot !== 1);
    const { current } = tableOf([{}, {}, {}]);
    const some = Uint32Array.of(0, 2);
    expect(filter.filter(callOf(current, { candidates: some }))).toBe(some);
    const kept = filter.filter(callOf(current));
    expect([...kept]).toEqual([0, 2]);
    expect(filter.filter(callOf(current))).toBe(kept);
    expect([...filter.filter(callOf(current, { candidates: Uint32Array.of(1, 2) }))]).toEqual([2]);
  });

  it("drops a slot that has no endpoint", () => {
    const filter = createEndpointFilter("f", "t", () => true);
    expect([...filter.filter(callOf(tableOf([{}]).current, { candidates: Uint32Array.of(0, 1) }))]).toEqual([0]);
  });

  it("keeps what passes, ascending, whatever the candidates", () => {
    const table = tableOf(Array.from({ length: 12 }, () => ({})));
    fc.assert(
      fc.property(fc.subarray([...Array(12).keys()]), fc.subarray([...Array(12).keys()]), (candidates, passing) => {
        const filter = createEndpointFilter("f", "t", ({ slot }) => passing.includes(slot));
        const kept = filter.filter(callOf(table.current, { candidates: Uint32Array.from(candidates) }));
        expect([...kept]).toEqual(candidates.filter((slot) => passing.includes(slot)));
      }),
    );
  });
});

describe("role filters", () => {
  const roles = ["encode", "prefill", "decode", "encode-prefill", "prefill-decode", "both", "encode-prefill-decode"];
  const endpoints = [...roles, "unheard-of", ""].map((role) => ({ labels: { "llm-d.ai/role": role } }));
  const kept: Readonly<Record<Stage, readonly string[]>> = {
    decode: ["decode", "prefill-decode", "both", "encode-prefill-decode", "none"],
    prefill: ["prefill", "encode-prefill", "prefill-decode", "both", "encode-prefill-decode"],
    encode: ["encode", "encode-prefill", "encode-prefill-decode"],
  };
  for (const stage of ["decode", "prefill", "encode"] as const) {
    it(`keep for ${stage} those whose role says so${stage === "decode" ? ", and those without one" : ""}`, () => {
      const filter = createRoleFilter("f", stage);
      expect(filter).toMatchObject({ name: "f", type: `${stage}-filter` });
      const slots = [...filter.filter(callAbout([...endpoints, { labels: {} }]))];
      const names = slots.map((slot) => [...roles, "unheard-of", "", "none"][slot]);
      expect(names.toSorted()).toEqual(kept[stage].toSorted());
    });
  }
});

describe("filters by label", () => {
  const endpoints = [{ labels: { gpu: "H100" } }, { labels: { gpu: "L4" } }, { labels: {} }];

  it("keep what a selector selects", () => {
    const selector = toLabelSelector({ matchLabels: { gpu: "H100" }, matchExpressions: [] });
    const filter = createLabelSelectorFilter("f", "label-selector-filter", selector);
    expect([...filter.filter(callAbout(endpoints))]).toEqual([0]);
  });

  const cases = [
    { validValues: ["H100"], allowsNoLabel: false, want: [0] },
    { validValues: ["H100"], allowsNoLabel: true, want: [0, 2] },
    { validValues: [], allowsNoLabel: true, want: [2] },
    { validValues: ["H100", "L4"], allowsNoLabel: false, want: [0, 1] },
  ];
  for (const { validValues, allowsNoLabel, want } of cases) {
    it(`keep ${validValues.join(" and ") || "no value"}${allowsNoLabel ? " and no label" : ""}`, () => {
      const filter = createByLabelFilter("f", { label: "gpu", validValues, allowsNoLabel });
      expect([...filter.filter(callAbout(endpoints))]).toEqual(want);
    });
  }
});
