import {
  childProcess,
  type FakeEndpoint,
  fakeCall,
  local,
  loopback,
  scorerContract,
} from "@outrider/plugin-sdk/testing";
import { describe, expect, it } from "vitest";
import { loraAffinityScorer } from "./scorer.ts";

const placements = { local, loopback, childProcess: childProcess(new URL("main.ts", import.meta.url)) };
const unknown = Number.NaN;

for (const [where, open] of Object.entries(placements)) {
  describe(`lora-affinity-scorer, ${where}, keeps the scorer contract`, () => {
    for (const { title, run } of scorerContract) it(title, async () => run(await open(loraAffinityScorer)), 20_000);
  });
}

const endpoint = (max: number, running: string[], waiting: string[] = []): FakeEndpoint => ({
  max_adapters: max,
  sets: { adapters_running: running, adapters_waiting: waiting },
});

const cases = [
  {
    title: "rates running, room, waiting and full",
    pool: [endpoint(2, ["a"]), endpoint(2, ["b"]), endpoint(2, ["b", "c"], ["a"]), endpoint(2, ["b", "c"])],
    want: [1, 0.8, 0.6, 0],
  },
  { title: "prefers room to a place in the queue", pool: [endpoint(3, ["b"], ["a"])], want: [0.8] },
  { title: "rates an adapter that runs 1 even where the batch is full", pool: [endpoint(1, ["a"], ["b"])], want: [1] },
  { title: "counts an adapter that runs and waits once", pool: [endpoint(2, ["b"], ["b"])], want: [0.8] },
  { title: "rates a server for no adapters 0", pool: [endpoint(0, [])], want: [0] },
  { title: "does not take what was never told for full", pool: [{}, endpoint(1, [])], want: [unknown, 0.8] },
  {
    title: "does not take a batch of unknown size for full",
    pool: [{ sets: { adapters_running: ["b"], adapters_waiting: [] } }],
    want: [unknown],
  },
  {
    title: "goes by the name of the model where the host knows of no adapter",
    request: { lora: "", model: "b" },
    pool: [endpoint(2, ["b"]), endpoint(1, ["a"])],
    want: [1, 0],
  },
  { title: "abstains without a model", request: { lora: "", model: "" }, pool: [endpoint(2, ["b"])], want: [unknown] },
];

for (const [where, open] of Object.entries({ local, loopback })) {
  describe(`the formula, ${where}`, () => {
    for (const { title, request = { lora: "a" }, pool, want } of cases) {
      it(title, async () => {
        const scorer = await open(loraAffinityScorer);
        expect([...(await scorer.score(fakeCall({ pool, request })))]).toEqual([...Float32Array.from(want)]);
        await scorer.close();
      });
    }
  });
}

it("says of how many endpoints nothing is known", () => {
  const instance = loraAffinityScorer.create({});
  const call = fakeCall({ pool: [{}, endpoint(1, [])], request: { lora: "a" } });
  expect(instance.score(call, new Float32Array(2).fill(unknown))).toBe("adapters unknown at 1 of 2");
});

it("takes no parameters", () => expect(loraAffinityScorer.config.safeParse({ weight: 1 }).success).toBe(false));
