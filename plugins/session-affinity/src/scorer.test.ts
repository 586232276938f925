import {
  childProcess,
  type FakeEndpoint,
  fakeCall,
  local,
  loopback,
  scorerContract,
} from "@outrider/plugin-sdk/testing";
import { describe, expect, it } from "vitest";
import { sessionAffinity } from "./scorer.ts";

const placements = { local, loopback, childProcess: childProcess(new URL("main.ts", import.meta.url)) };

for (const [where, open] of Object.entries(placements)) {
  describe(`session-affinity, ${where}, keeps the scorer contract`, () => {
    for (const { title, run } of scorerContract) it(title, async () => run(await open(sessionAffinity)), 20_000);
  });
}

const poolOf = (...ids: string[]): FakeEndpoint[] => ids.map((id) => ({ id }));
const pool = poolOf("a", "b", "c", "d", "e", "f", "g", "h");

async function score(sessionKey: string, endpoints: readonly FakeEndpoint[], parameters?: object): Promise<number[]> {
  const scorer = await local(sessionAffinity, parameters);
  return [...(await scorer.score(fakeCall({ pool: endpoints, request: { sessionKey } })))];
}

/** Id of the endpoint that scores 1. */
async function choice(sessionKey: string, endpoints: readonly FakeEndpoint[]): Promise<string> {
  return endpoints[(await score(sessionKey, endpoints)).indexOf(1)].id!;
}

const keys = Array.from({ length: 2_000 }, (_, i) => `session-${i}`);
const choices = (endpoints: readonly FakeEndpoint[]) => Promise.all(keys.map((key) => choice(key, endpoints)));

describe("session-affinity", () => {
  it("abstains without a key, and says so", () => {
    const scores = new Float32Array(8).fill(Number.NaN);
    const reason = sessionAffinity.create({ choices: 4 }).score(fakeCall({ pool }), scores);
    expect(reason).toBe("no session key");
    expect([...scores]).toEqual(Array(8).fill(Number.NaN));
  });

  const tables = [
    { title: "halves from rank to rank, four deep", parameters: {}, want: [1, 0.5, 0.25, 0.125, 0, 0, 0, 0] },
    { title: "knows a first choice alone with one choice", parameters: { choices: 1 }, want: [1, 0, 0, 0, 0, 0, 0, 0] },
    {
      title: "ranks all where there are as many choices",
      parameters: { choices: 16 },
      want: [1, 0.5, 0.25, 0.125, 0.0625, 0.03125, 0.015625, 0.0078125],
    },
  ];
  for (const { title, parameters, want } of tables) {
    it(title, async () => {
      expect((await score("session-1", pool, parameters)).toSorted((a, b) => b - a)).toEqual(want);
    });
  }

  it("scores a single candidate 1", async () => expect(await score("session-1", poolOf("a"))).toEqual([1]));

  it("⚠ replicas share no sessions: here they agree without sharing, in whatever order they learned of endpoints", async () => {
    const replicas = [pool, pool.toReversed(), [...pool.slice(3), ...pool.slice(0, 3)]];
    const chosen = await Promise.all(
      replicas.map((each) => Promise.all(keys.slice(0, 50).map((key) => choice(key, each)))),
    );
    expect(chosen[1]).toEqual(chosen[0]);
    expect(chosen[2]).toEqual(chosen[0]);
  });

  it("ranks the same endpoints the same way in any slots", async () => {
    const scores = await score("session-1", pool);
    const turned = await score("session-1", pool.toReversed());
    expect(turned.toReversed()).toEqual(scores);
  });

  it("takes keys of any length", async () => {
    const scores = await score("x".repeat(10_000), pool);
    expect(scores.filter((value) => value === 1)).toHaveLength(1);
    expect(await score(`${"x".repeat(9_999)}y`, pool)).not.toEqual(scores);
  });

  it("spreads sessions evenly", async () => {
    const counts = Map.groupBy(await choices(pool), (id) => id);
    const shares = pool.map(({ id }) => (counts.get(id!)?.length ?? 0) / keys.length);
    expect(Math.min(...shares)).toBeGreaterThan(0.095);
    expect(Math.max(...shares)).toBeLessThan(0.155);
  });

  it("moves only the sessions of an endpoint that leaves, to their second choice", async () => {
    const before = await choices(pool);
    const rest = pool.filter(({ id }) => id !== "c");
    const after = await choices(rest);
    expect(keys.filter((_, i) => before[i] !== "c" && after[i] !== before[i])).toEqual([]);
    const moved = keys.filter((_, i) => before[i] === "c").slice(0, 20);
    for (const key of moved) {
      const second = pool[(await score(key, pool)).indexOf(0.5)].id;
      expect(await choice(key, rest)).toBe(second);
    }
  });

  it("takes only its share of the sessions to an endpoint that comes", async () => {
    const before = await choices(pool);
    const after = await choices([...pool, { id: "i" }]);
    const moved = keys.filter((_, i) => after[i] !== before[i]);
    expect(keys.filter((_, i) => after[i] !== before[i] && after[i] !== "i")).toEqual([]);
    expect(moved.length / keys.length).toBeGreaterThan(0.08);
    expect(moved.length / keys.length).toBeLessThan(0.145);
  });

  it("goes by the endpoint that is in a slot now", async () => {
    const scorer = await local(sessionAffinity);
    const ask = (endpoints: readonly FakeEndpoint[]) =>
      scorer.score(fakeCall({ pool: endpoints, request: { sessionKey: "session-1" } }));
    await ask(pool);
    expect([...(await ask(pool.toReversed()))]).toEqual(await score("session-1", pool.toReversed()));
  });

  const wrong = [{ choices: 0 }, { choices: 17 }, { choices: 1.5 }, { ttl: 3 }];
  for (const parameters of wrong) {
    it(`refuses ${JSON.stringify(parameters)}`, () => {
      expect(sessionAffinity.config.safeParse(parameters).success).toBe(false);
    });
  }
});
