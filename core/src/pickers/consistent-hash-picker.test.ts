import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { tableOf } from "../cycle/fixtures/plans.ts";
import type { CycleFacts } from "../cycle/types.ts";
import { callOf } from "../filters/fixtures/calls.ts";
import { factsOf } from "../filters/fixtures/facts.ts";
import { type ConsistentHashOptions, createConsistentHashPicker } from "./consistent-hash-picker.ts";
import { pickInputOf } from "./fixtures/pick-inputs.ts";

const session: ConsistentHashOptions = { keyBy: { kind: "session" } };
const noRandom = () => 0;

function pick(
  options: ConsistentHashOptions,
  facts: Partial<CycleFacts>,
  slots: readonly number[],
  totals: readonly number[] = slots.map(() => 0),
): number[] {
  const candidates = Uint32Array.from(slots);
  const input = { candidates, totals: Float64Array.from(totals), facts: factsOf(facts), random: noRandom };
  return createConsistentHashPicker("p", options).pick(pickInputOf(input));
}

const slotsBelow = (count: number) => Array.from({ length: count }, (_, i) => i);
const keys = Array.from({ length: 2_000 }, (_, i) => ({ sessionKey: `session-${i}` }));

describe("the consistent-hash picker", () => {
  it("picks the same endpoint for the same key, whatever the totals, the slots and who asks", () => {
    const [chosen] = pick(session, { sessionKey: "s" }, slotsBelow(8));
    expect(pick(session, { sessionKey: "s" }, slotsBelow(8), [9, 0, 0, 0, 0, 0, 0, 1])).toEqual([chosen]);
    const moved = tableOf(8, (slot) => `e${7 - slot}`).current;
    const input = { candidates: moved.live, totals: new Float64Array(8), random: noRandom };
    const facts = factsOf({ sessionKey: "s" });
    const picker = createConsistentHashPicker("p", session);
    expect(picker.pick(pickInputOf({ ...input, facts, endpoints: moved }))).toEqual([7 - chosen]);
  });

  it("spreads keys over the endpoints", () => {
    const counts = Array(10).fill(0) as number[];
    for (const key of keys) counts[pick(session, key, slotsBelow(10))[0]] += 1;
    for (const count of counts) expect(count / keys.length).toBeCloseTo(0.1, 1);
    expect(Math.min(...counts)).toBeGreaterThan(140);
  });

  it("moves only the keys of an endpoint that goes, each to its fallback", () => {
    for (const key of keys.slice(0, 300)) {
      const [first, second] = pick({ ...session, maxNumOfEndpoints: 2 }, key, slotsBelow(6));
      expect(
        pick(
          session,
          key,
          slotsBelow(6).filter((slot) => slot !== first),
        ),
      ).toEqual([second]);
      expect(
        pick(
          session,
          key,
          slotsBelow(6).filter((slot) => slot !== second),
        ),
      ).toEqual([first]);
    }
  });

  it("keeps every key where it is unless its endpoint goes, whichever set goes", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), fc.subarray(slotsBelow(9), { minLength: 1 }), (sessionKey, left) => {
        const [chosen] = pick(session, { sessionKey }, slotsBelow(9));
        if (left.includes(chosen)) expect(pick(session, { sessionKey }, left)).toEqual([chosen]);
      }),
    );
  });

  const blocks = (...words: readonly number[]) => ({ blockHashes: Uint32Array.from(words), blockSizeTokens: 64 });
  const kinds: readonly {
    keyBy: ConsistentHashOptions["keyBy"];
    one: Partial<CycleFacts>;
    same: Partial<CycleFacts>;
    other: (i: number) => Partial<CycleFacts>;
    none: Partial<CycleFacts>;
  }[] = [
    {
      keyBy: { kind: "session" },
      one: { sessionKey: "a" },
      same: { sessionKey: "a", model: "m" },
      other: (i) => ({ sessionKey: `b${i}` }),
      none: { model: "m" },
    },
    {
      keyBy: { kind: "header", name: "x-user" },
      one: { headers: { "x-user": "a" } },
      same: { headers: { "x-user": "a", "x-else": "b" } },
      other: (i) => ({ headers: { "x-user": `b${i}` } }),
      none: { headers: { "x-else": "a" } },
    },
    {
      keyBy: { kind: "model" },
      one: { model: "a" },
      same: { model: "a", sessionKey: "s" },
      other: (i) => ({ model: `b${i}` }),
      none: { sessionKey: "s" },
    },
    {
      keyBy: { kind: "prompt-prefix", tokens: 128 },
      one: blocks(1, 0, 2, 0, 3, 0),
      same: blocks(1, 0, 2, 0, 9, 0),
      other: (i) => blocks(1, 0, 100 + i, 0, 3, 0),
      none: blocks(),
    },
  ];
  for (const { keyBy, one, same, other, none } of kinds) {
    it(`keys by ${keyBy.kind}, and picks the highest total without a key`, () => {
      const many = slotsBelow(20);
      const chosen = pick({ keyBy }, one, many);
      expect(pick({ keyBy }, same, many)).toEqual(chosen);
      expect(many.some((i) => pick({ keyBy }, other(i), many)[0] !== chosen[0])).toBe(true);
      expect(pick({ keyBy, maxNumOfEndpoints: 2 }, none, [3, 4, 5], [1, 3, 2])).toEqual([4, 5]);
    });
  }

  it("takes nothing that all objects have for a header", () => {
    const options = { keyBy: { kind: "header", name: "constructor" } } as const;
    expect(pick(options, { headers: {} }, [3, 4, 5], [1, 3, 2])).toEqual([4]);
  });

  it("keys by what there is of a prompt shorter than its prefix, and by one block at least", () => {
    const many = slotsBelow(50);
    const of = (tokens: number, ...words: readonly number[]) =>
      pick({ keyBy: { kind: "prompt-prefix", tokens } }, blocks(...words), many)[0];
    expect(of(6400, 1, 0, 2, 0)).toBe(of(128, 1, 0, 2, 0));
    expect(of(1, 1, 0, 2, 0)).toBe(of(64, 1, 0));
    expect(of(128, 1, 0, 2, 0)).not.toBe(of(64, 1, 0, 2, 0));
  });

  describe("with a bound on load", () => {
    const bounded = { ...session, maxLoadFactor: 1.25 };

    function pickLoaded(load: readonly number[], options: ConsistentHashOptions = bounded): number[] {
      const table = tableOf(load.length);
      table.inflight.requests.set(load);
      const { columns, candidates } = callOf(table.current, { inflight: table.inflight });
      const facts = factsOf({ sessionKey: "s" });
      const totals = new Float64Array(load.length);
      const input = pickInputOf({ candidates, totals, facts, random: noRandom, endpoints: table.current, columns });
      return createConsistentHashPicker("p", options).pick(input);
    }
    const [first, second, third] = pick({ ...session, maxNumOfEndpoints: 3 }, { sessionKey: "s" }, slotsBelow(4));
    const loadOf = (loads: Readonly<Record<number, number>>) => slotsBelow(4).map((slot) => loads[slot] ?? 2);

    it("picks as ever while the endpoint has less than its share", () => {
      expect(pickLoaded(loadOf({}))).toEqual([first]);
      expect(pickLoaded(loadOf({ [first]: 2 }))).toEqual([first]);
    });

    it("passes over those that have it, in the order in which keys move", () => {
      expect(pickLoaded(loadOf({ [first]: 9 }))).toEqual([second]);
      expect(pickLoaded(loadOf({ [first]: 9, [second]: 9 }))).toEqual([third]);
      expect(pickLoaded(loadOf({ [first]: 9 }), session)).toEqual([first]);
    });

    it("names full ones as the last fallbacks", () => {
      expect(pickLoaded(loadOf({ [first]: 9 }), { ...bounded, maxNumOfEndpoints: 4 })).toEqual([
        second,
        third,
        expect.any(Number),
        first,
      ]);
    });

    it("always finds one with room: the mean is below the bound", () => {
      fc.assert(
        fc.property(fc.array(fc.nat(50), { minLength: 1, maxLength: 10 }), (load) => {
          const most = Math.ceil((1.25 * (1 + load.reduce((sum, each) => sum + each, 0))) / load.length);
          expect(load[pickLoaded(load)[0]]).toBeLessThan(most);
        }),
      );
    });

    it("chooses again as a record says, since the load of then is not recorded", () => {
      const picker = createConsistentHashPicker("p", bounded);
      const facts = factsOf({ sessionKey: "s" });
      const input = { candidates: Uint32Array.of(0, 1, 2, 3), totals: new Float64Array(4), facts, random: noRandom };
      expect(picker.again!(pickInputOf(input), [second])).toEqual([second]);
      expect(picker.again!(pickInputOf(input), [77])).toEqual([first]);
      expect(createConsistentHashPicker("p", session).again).toBeUndefined();
    });
  });
});
