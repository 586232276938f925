import { describe, expect, it } from "vitest";
import type { Arrival } from "../contract/index.ts";
import { collect } from "./fixtures/collect.ts";
import { createWorkload } from "./mix.ts";
import { workload } from "./schema.ts";

const unique = { kind: "unique", promptTokens: 32, outputTokens: 4 };
const place = { folder: "/", shownFolder: "" };

async function arrivalsOf(spec: object, seed = 1): Promise<readonly Arrival[]> {
  return collect(createWorkload(workload.parse(spec), place).open(seed));
}

const countOf = (arrivals: readonly Arrival[], part: string) =>
  arrivals.filter(({ request }) => request.part === part).length;

describe("a workload", () => {
  it("of one kind has its arrivals", async () => {
    const arrivals = await arrivalsOf({ ...unique, arrivals: { kind: "constant", rate: 10, for: "20s" } });
    expect(arrivals).toHaveLength(200);
    expect(arrivals[199]).toMatchObject({ atMs: 19_900, request: { part: "unique" } });
  });

  const shared = {
    arrivals: { kind: "poisson", rate: 100, for: "100s" },
    parts: [
      { ...unique, name: "a", share: 3 },
      { ...unique, name: "b" },
    ],
  };

  it("of several kinds draws them by their shares", async () => {
    const arrivals = await arrivalsOf(shared);
    expect(countOf(arrivals, "a") / countOf(arrivals, "b")).toBeCloseTo(3, 0);
    expect(countOf(arrivals, "a") + countOf(arrivals, "b")).toBe(arrivals.length);
  });

  it("keeps the contents of its parts apart", async () => {
    const keys = (await arrivalsOf(shared)).map(({ request }) => request.blockKeys[1]);
    expect(new Set(keys).size).toBe(keys.length);
  });

  it("merges parts with arrivals of their own in the order of time", async () => {
    const parts = [7, 3, 5].map((rate, i) => ({
      ...unique,
      name: `p${i}`,
      arrivals: { kind: "constant", rate, for: "100s" },
    }));
    const arrivals = await arrivalsOf({ parts });
    expect(["p0", "p1", "p2"].map((part) => countOf(arrivals, part))).toEqual([700, 300, 500]);
    expect(arrivals.every(({ atMs }, i) => atMs >= (arrivals[i - 1]?.atMs ?? 0))).toBe(true);
  });

  it("is the same each time it is opened with a seed", async () => {
    const opened = createWorkload(workload.parse(shared), place);
    const read = async (seed: number) => collect(opened.open(seed));
    expect(await read(4)).toEqual(await read(4));
    expect((await read(4))[0]?.atMs).not.toBe((await read(5))[0]?.atMs);
  });

  it("sends the same requests at another rate", async () => {
    const at = async (rate: number) => {
      const arrivals = await arrivalsOf({
        ...unique,
        promptTokens: { min: 16, max: 900 },
        arrivals: { kind: "poisson", rate, limit: 100 },
      });
      return arrivals.map(({ request }) => request);
    };
    expect(await at(20)).toEqual(await at(2));
  });

  it("numbers parts of the same kind that have no name", async () => {
    const arrivals = await arrivalsOf({ ...shared, parts: [unique, unique, { ...unique, name: "unique-2" }] });
    expect(new Set(arrivals.map(({ request }) => request.part))).toEqual(new Set(["unique", "unique-3", "unique-2"]));
  });

  it("ends with what is wanted of it, however long it goes on", async () => {
    const opened = createWorkload(workload.parse({ ...unique, arrivals: { kind: "poisson", rate: 5 } }), place);
    let count = 0;
    for await (const batch of opened.open(1)) {
      count += batch.length;
      if (count > 10_000) break;
    }
    expect(count).toBeGreaterThan(10_000);
  });
});
