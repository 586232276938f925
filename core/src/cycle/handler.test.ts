import { describe, expect, it } from "vitest";
import {
  filterOf,
  handlerOf,
  inputOf,
  planOf,
  producerOf,
  profileOf,
  refusalOf,
  scorerOf,
  tableOf,
  weighted,
} from "./fixtures/plans.ts";
import { VirtualClock } from "./fixtures/virtual-clock.ts";
import { rerun } from "./replay.ts";
import { runCycle } from "./run-cycle.ts";
import type { Admitter, CycleInput, DecisionRecord, HandlerView, Plan, ProfileHandler } from "./types.ts";

const found = profileOf([], { name: "found" });
const empty = profileOf([], { name: "empty", filters: [filterOf("none", () => false)] });
const numbers = producerOf("data.x", ({ candidates }, values) => values.set([...candidates].map((slot) => slot * 10)));

/** Decides, and has the same plan decide again from the record, which must agree. */
function decide(plan: Plan, more: Partial<CycleInput> = {}): DecisionRecord {
  const record = runCycle(inputOf(tableOf(4), plan, more)) as DecisionRecord;
  const { difference, profiles, destination, primary, routing, refusal } = rerun(record, plan);
  expect(difference).toBe("");
  expect({ profiles, destination, primary, routing, refusal }).toEqual({
    profiles: record.profiles,
    destination: record.destination,
    primary: record.primary,
    routing: record.routing,
    refusal: record.refusal,
  });
  return record;
}

describe("a handler", () => {
  it("sees the facts, the candidates, what has run and what producers wrote", () => {
    const seen: unknown[] = [];
    const look = (view: HandlerView) => {
      const { facts, snapshot, candidates, picks, profiles } = view;
      const data = [0, 1, 2, 3, 9].map((slot) => view.data("data.x", slot));
      seen.push([facts.requestId, snapshot.rev, [...candidates], picks, profiles.map(({ name }) => name), data]);
      return [empty, found][profiles.length];
    };
    const plan = planOf(found, { waves: [[numbers]], handler: handlerOf("found", look) });
    decide(plan, { candidates: Uint32Array.of(1, 3) });
    const data = [Number.NaN, 10, Number.NaN, 30, Number.NaN];
    const live = seen.splice(0, 3);
    expect(seen).toEqual(live);
    expect(live).toEqual([
      ["r-1", 1, [1, 3], [], [], data],
      ["r-1", 1, [1, 3], [], ["empty"], data],
      ["r-1", 1, [1, 3], [{ profile: "found", slot: 1 }], ["empty", "found"], data],
    ]);
  });

  it("keeps the picks that it was shown", () => {
    const shown: unknown[] = [];
    const handler = handlerOf("found", ({ picks, profiles }) => {
      shown.push(picks);
      return [found, profileOf([], { name: "two" })][profiles.length];
    });
    decide(planOf(found, { handler }));
    expect(shown[0]).toEqual([]);
  });

  it("reads unknown data where no producer writes the key", () => {
    const read: number[] = [];
    decide(planOf(found, { handler: handlerOf("found", (view) => void read.push(view.data("data.none", 0))) }));
    expect(read[0]).toBeNaN();
  });

  const refusal = refusalOf("h");
  it("refuses a request before anything has run", () => {
    const record = decide(planOf(found, { handler: handlerOf("found", () => refusal) }));
    expect(record).toMatchObject({ refusal, destination: [], primary: "", profiles: [] });
  });

  it("refuses a request whose destination was found, which is kept in the record", () => {
    const handler = handlerOf("found", ({ profiles }) => (profiles.length === 0 ? found : refusal));
    const record = decide(planOf(found, { handler: { ...handler, route: () => expect.unreachable() } }));
    expect(record).toMatchObject({ refusal, destination: [], primary: "found", profiles: [{ picked: [0] }] });
    expect(record.routing).toEqual({ setHeaders: [], port: 0 });
  });

  const primaries = [
    { title: "that found an endpoint", primary: "found", want: { primary: "found", destination: [0] } },
    { title: "that found none", primary: "empty", want: { primary: "empty", destination: [] } },
    { title: "that has not run", primary: "never", want: { primary: "", destination: [] } },
  ];
  for (const { title, primary, want } of primaries) {
    it(`sends the request where the profile picked that it calls primary, one ${title}`, () => {
      const handler = handlerOf(primary, ({ profiles }) => [empty, found][profiles.length]);
      expect(decide(planOf(found, { handler }))).toMatchObject({ ...want, refusal: undefined });
    });
  }

  it("says what the request carries, once all has run", () => {
    const route: ProfileHandler["route"] = ({ picks, profiles }) => ({
      setHeaders: [["x-picks", picks.map(({ profile, slot }) => `${profile} ${slot}`).join()]],
      port: 8_000 + profiles.length,
    });
    const handler = handlerOf("found", ({ profiles }) => [empty, found][profiles.length]);
    expect(decide(planOf(found, { handler: { ...handler, route } })).routing).toEqual({
      setHeaders: [["x-picks", "found 0"]],
      port: 8_002,
    });
  });

  it("is not asked what a request carries that goes nowhere", () => {
    const handler = {
      ...handlerOf("empty", ({ profiles }) => [empty][profiles.length]),
      route: () => expect.unreachable(),
    };
    expect(decide(planOf(empty, { handler })).routing).toEqual({ setHeaders: [], port: 0 });
  });
});

describe("admitters", () => {
  const admitterOf = (name: string, admit: Admitter["admit"]): Admitter => ({ name, type: "test", admit });

  it("are asked behind the producers and before the handler, until one refuses", () => {
    const asked: unknown[] = [];
    const look = (name: string, refuses: boolean) =>
      admitterOf(name, ({ candidates, data, profile, nowMs }) => {
        asked.push([name, [...candidates], [...data.get("data.x")], profile, nowMs]);
        return refuses ? refusalOf(name) : undefined;
      });
    const admitters = [look("a", false), look("b", true), look("c", false)];
    const handler = handlerOf("found", () => expect.unreachable());
    const record = decide(planOf(found, { admitters, waves: [[numbers]], handler }));
    expect(asked).toEqual(["a", "b"].map((name) => [name, [0, 1, 2, 3], [0, 10, 20, 30], "", 1_000_000]));
    expect(record).toMatchObject({ refusal: refusalOf("b"), destination: [], primary: "", profiles: [], failedBy: "" });
  });

  it("wait for producers that answer later, and are asked once", async () => {
    const clock = new VirtualClock();
    let asked = 0;
    const slow = producerOf("data.x", () => {});
    const produce = async (): Promise<undefined> => {
      await clock.wait(1, undefined);
      return undefined;
    };
    const scorer = scorerOf("s", async (_, scores) => {
      await clock.wait(1, undefined);
      scores.set([0, 1, 0, 0]);
      return undefined;
    });
    const plan = planOf(profileOf([weighted(scorer)]), {
      waves: [[{ ...slow, producer: { ...slow.producer, produce } }]],
      admitters: [admitterOf("a", () => void asked++)],
    });
    const decision = runCycle(inputOf(tableOf(4), plan, { clock }));
    expect(asked).toBe(0);
    await clock.advance(2);
    expect(await decision).toMatchObject({ destination: [1] });
    expect(asked).toBe(1);
  });

  it("draw randomness of their own, which changes nobody's", () => {
    const drawn: number[] = [];
    const draw = admitterOf("a", ({ random }) => void drawn.push(random()));
    const picks = (admitters: readonly Admitter[]) =>
      decide(
        planOf(profileOf([weighted(scorerOf("s", ({ random }, scores) => void scores.fill(random())))]), { admitters }),
      );
    expect(picks([draw, draw]).profiles).toEqual(picks([]).profiles);
    expect(new Set(drawn).size).toBe(2);
  });

  it("that refuse are believed when deciding again, unless the plan has them no more", () => {
    const plan = planOf(found, { admitters: [admitterOf("a", () => refusalOf("a"))] });
    const record = decide(plan);
    expect(rerun(record, planOf(found))).toMatchObject({ difference: "refused by nobody, recorded a: no by a" });
  });
});

describe("deciding again", () => {
  const handler = handlerOf("found", ({ profiles }) => [found][profiles.length]);
  const route = () => ({ setHeaders: [["x-a", "1"]] as const, port: 0 });
  const record = runCycle(inputOf(tableOf(4), planOf(found, { handler: { ...handler, route } }))) as DecisionRecord;
  const changed = [
    {
      title: "another refusal of the handler",
      handler: handlerOf("found", () => refusalOf("h")),
      want: "refused by h: no by h, recorded nobody",
    },
    {
      title: "another primary",
      handler: { ...handler, primaryOf: () => "" },
      want: "primary none, recorded found",
    },
    {
      title: "another header",
      handler: { ...handler, route: () => ({ setHeaders: [["x-a", "2"]] as const, port: 0 }) },
      want: "routing x-a: 2, port 0, recorded x-a: 1, port 0",
    },
    { title: "another port", handler: { ...handler, route: () => ({ ...route(), port: 8 }) }, want: "x-a: 1, port 8" },
  ];
  for (const { title, handler: other, want } of changed) {
    it(`finds ${title}`, () => expect(rerun(record, planOf(found, { handler: other })).difference).toContain(want));
  }
});
