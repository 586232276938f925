import { describe, expect, it } from "vitest";
import { defaultTopologyLabels, type TopologyLevel } from "../contract/index.ts";
import { callAbout } from "./fixtures/calls.ts";
import { createTopologyAffinityFilter } from "./topology-affinity-filter.ts";

function at(place: Partial<Record<TopologyLevel, string>>) {
  const labels = Object.entries(place).map(([level, name]) => [defaultTopologyLabels[level as TopologyLevel], name]);
  return { labels: Object.fromEntries(labels) as Record<string, string> };
}

const peer = at({ host: "h1", rack: "r1", zone: "z1", region: "g1" });
const endpoints = [
  peer,
  at({ host: "h1" }),
  at({ host: "h2", rack: "r1", zone: "z1" }),
  at({ host: "h3", rack: "r2", zone: "z1", region: "g1" }),
  at({ host: "h4", zone: "z2", region: "g1" }),
  at({ host: "h5", region: "g2" }),
  at({}),
];

function keep(minAffinity: TopologyLevel, given: readonly { labels: Record<string, string> }[], peerSlot?: number) {
  const filter = createTopologyAffinityFilter("f", { minAffinity, labels: defaultTopologyLabels });
  const peers = peerSlot === undefined ? [] : [{ profile: "decode", slot: peerSlot }];
  return [...filter.filter(callAbout(given, { peers }))];
}

describe("the topology filter", () => {
  const kept: Readonly<Record<TopologyLevel, readonly number[]>> = {
    host: [0, 1],
    rack: [0, 1, 2],
    zone: [0, 1, 2, 3],
    region: [0, 1, 2, 3, 4],
  };
  for (const level of ["host", "rack", "zone", "region"] as const) {
    it(`keeps who is in the same ${level} as the first pick, or nearer`, () =>
      expect(keep(level, endpoints, 0)).toEqual(kept[level]));
  }

  it("keeps all where no profile has picked yet", () => expect(keep("host", endpoints)).toHaveLength(7));
  it("keeps all where the peer has left", () => expect(keep("host", endpoints, 99)).toHaveLength(7));
  it("keeps all where the peer's place is unknown", () => expect(keep("region", endpoints, 6)).toHaveLength(7));
  it("keeps all where nobody is near", () => {
    const far = [at({ host: "h1" }), at({ host: "h2" }), at({ host: "h3" })];
    const filter = createTopologyAffinityFilter("f", { minAffinity: "host", labels: defaultTopologyLabels });
    const call = callAbout(far, { peers: [{ profile: "decode", slot: 0 }], candidates: Uint32Array.of(1, 2) });
    expect(filter.filter(call)).toBe(call.candidates);
  });
  it("goes by the first pick where several profiles have picked", () => {
    const filter = createTopologyAffinityFilter("f", { minAffinity: "host", labels: defaultTopologyLabels });
    const peers = [
      { profile: "decode", slot: 0 },
      { profile: "encode", slot: 4 },
    ];
    expect([...filter.filter(callAbout(endpoints, { peers }))]).toEqual([0, 1]);
  });
  it("never takes two unknown places for one", () => {
    expect(keep("zone", [at({ zone: "z1" }), at({ rack: "" }), at({ zone: "z1" })], 0)).toEqual([0, 2]);
  });
  it("takes what every object has for no label", () => {
    const labels = { ...defaultTopologyLabels, host: "constructor" };
    const given = ["a", "b"].map((zone) => at({ zone }));
    const filter = createTopologyAffinityFilter("f", { minAffinity: "zone", labels });
    const call = callAbout([...given, given[0]!], { peers: [{ profile: "decode", slot: 0 }] });
    expect([...filter.filter(call)]).toEqual([0, 2]);
  });
  it("reads other labels where they are named", () => {
    const labels = { ...defaultTopologyLabels, host: "disaggregatedset.x-k8s.io/slice" };
    const given = ["a", "b", "a"].map((slice) => ({ labels: { "disaggregatedset.x-k8s.io/slice": slice } }));
    const filter = createTopologyAffinityFilter("f", { minAffinity: "host", labels });
    expect([...filter.filter(callAbout(given, { peers: [{ profile: "decode", slot: 0 }] }))]).toEqual([0, 2]);
  });
});
