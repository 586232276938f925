import {
  childProcess,
  type FakeEndpoint,
  fakeCall,
  local,
  loopback,
  scorerContract,
} from "@outrider/plugin-sdk/testing";
import { describe, expect, it } from "vitest";
import { topologyAffinityScorer } from "./scorer.ts";

const placements = { local, loopback, childProcess: childProcess(new URL("main.ts", import.meta.url)) };
const unknown = Number.NaN;

for (const [where, open] of Object.entries(placements)) {
  describe(`topology-affinity-scorer, ${where}, keeps the scorer contract`, () => {
    for (const { title, run } of scorerContract) it(title, async () => run(await open(topologyAffinityScorer)), 20_000);
  });
}

const names = {
  host: "kubernetes.io/hostname",
  rack: "topology.kubernetes.io/rack",
  zone: "topology.kubernetes.io/zone",
  region: "topology.kubernetes.io/region",
} as const;

/** An endpoint somewhere. */
function at(places: Partial<Record<keyof typeof names, string>>): FakeEndpoint {
  const labels = Object.entries(places).map(([level, place]) => [names[level as keyof typeof names], place]);
  return { labels: Object.fromEntries(labels) as Record<string, string> };
}

const peer = at({ host: "h1", rack: "r1", zone: "z1", region: "g1" });

interface Case {
  readonly title: string;
  readonly pool: readonly FakeEndpoint[];
  readonly peers?: readonly number[];
  readonly want: readonly number[];
}

const cases: readonly Case[] = [
  {
    title: "rates by the closest level that it shares with the earlier pick",
    pool: [
      at({ host: "h1", rack: "r1", zone: "z1", region: "g1" }),
      at({ host: "h2", rack: "r1", zone: "z1", region: "g1" }),
      at({ host: "h3", rack: "r2", zone: "z1", region: "g1" }),
      at({ host: "h4", rack: "r3", zone: "z2", region: "g1" }),
      at({ host: "h5", rack: "r4", zone: "z3", region: "g2" }),
    ],
    want: [1, 0.2, 0.05, 0.02, 0],
  },
  { title: "rates by what is known of an endpoint", pool: [at({ zone: "z1" }), at({ zone: "z2" })], want: [0.05, 0] },
  { title: "never takes two unknown places for one", pool: [at({}), at({ host: "" })], want: [unknown, unknown] },
  { title: "does not take an endpoint without a place for far away", pool: [at({}), peer], want: [unknown, 1] },
  { title: "abstains where no profile has picked", pool: [peer, at({})], peers: [], want: [unknown, unknown] },
  { title: "abstains where the earlier pick has left", pool: [peer], peers: [99], want: [unknown] },
];

for (const [where, open] of Object.entries({ local, loopback })) {
  describe(`the formula of topology-affinity-scorer, ${where}`, () => {
    for (const { title, pool, peers = [0], want } of cases) {
      it(title, async () => {
        const scorer = await open(topologyAffinityScorer);
        const candidates = pool.map((_, i) => i + 1);
        const picks = peers.map((slot) => ({ profile: "decode", slot }));
        const call = fakeCall({ pool: [peer, ...pool], candidates, peers: picks });
        expect([...(await scorer.score(call))]).toEqual([...Float32Array.from(want)]);
        await scorer.close();
      });
    }

    it("goes by the first pick where several profiles have picked", async () => {
      const scorer = await open(topologyAffinityScorer);
      const pool = [peer, at({ host: "h9" }), at({ host: "h1" }), at({ host: "h9" })];
      const peers = [
        { profile: "decode", slot: 0 },
        { profile: "encode", slot: 1 },
      ];
      expect([...(await scorer.score(fakeCall({ pool, candidates: [2, 3], peers })))]).toEqual([1, 0]);
      await scorer.close();
    });

    it("rates the earlier pick itself 1, wherever it is", async () => {
      const scorer = await open(topologyAffinityScorer);
      const call = fakeCall({ pool: [at({}), peer], peers: [{ profile: "decode", slot: 0 }] });
      expect([...(await scorer.score(call))]).toEqual([1, unknown]);
      await scorer.close();
    });
  });
}

const reasons = [
  { title: "no profile has picked", peers: [], want: "no profile has picked before" },
  { title: "the pick has left", peers: [{ profile: "decode", slot: 9 }], want: "the earlier pick has left" },
  { title: "a place is unknown", peers: [{ profile: "decode", slot: 0 }], want: "nearness unknown at 1 of 2" },
];
for (const { title, peers, want } of reasons) {
  it(`says so where ${title}`, () => {
    const scores = new Float32Array(2).fill(unknown);
    const instance = topologyAffinityScorer.create({ topologyProducerName: "" });
    expect(instance.score(fakeCall({ pool: [peer, at({})], peers }), scores)).toBe(want);
  });
}

it("reads a place anew when the endpoint's labels change", () => {
  const instance = topologyAffinityScorer.create({ topologyProducerName: "" });
  const ask = (host: string) => {
    const scores = new Float32Array(1);
    const peers = [{ profile: "decode", slot: 0 }];
    void instance.score(fakeCall({ pool: [peer, at({ host })], candidates: [1], peers }), scores);
    return scores[0];
  };
  expect([ask("h1"), ask("h2"), ask("h1")]).toEqual([1, 0, 1]);
});

describe("parameters", () => {
  const { config } = topologyAffinityScorer;
  it("may name the topology-extractor", () => {
    expect(config.safeParse({ topologyProducerName: "places" }).success).toBe(true);
  });
  for (const given of [{ topologyProducerName: 1 }, { minAffinity: "host" }]) {
    it(`refuse ${JSON.stringify(given)}`, () => expect(config.safeParse(given).success).toBe(false));
  }
});
