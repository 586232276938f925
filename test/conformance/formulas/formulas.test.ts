import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { AnyScorerDefinition, PeerPick, RequestFacts } from "@outrider/core/contract";
import { type FakeEndpoint, fakeCall, local, loopback } from "@outrider/plugin-sdk/testing";
import { plugins } from "outrider/plugins";
import { describe, expect, it } from "vitest";

/** One pool and request, with the scores that the formula gives; `null` = unknown, or an abstention. */
interface FormulaCase {
  readonly title: string;
  readonly pool: readonly FakeEndpoint[];
  readonly want: readonly (number | null)[];
  readonly parameters?: object;
  readonly request?: Partial<RequestFacts>;
  readonly data?: Readonly<Record<string, readonly (number | null)[]>>;
  /** Picks of earlier profiles. */
  readonly peers?: readonly PeerPick[];
  /** Where requests went before, with the same data. */
  readonly history?: readonly number[];
}

const fileOf = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const text = readFileSync(fileOf("tables.golden.json"), "utf8");
const tables = JSON.parse(text) as Readonly<Record<string, readonly FormulaCase[]>>;
const hasPython = spawnSync("python3", ["--version"]).status === 0;

describe("the tables of formulas", () => {
  if (hasPython) {
    it("are what their script computes", () => {
      expect(execFileSync("python3", [fileOf("tables.py")], { encoding: "utf8" })).toBe(text);
    });
  }

  it("have at least four cases a type, one of them of a single candidate", () => {
    const poor = Object.entries(tables).filter(
      ([, cases]) => cases.length < 4 || !cases.some(({ pool }) => pool.length === 1),
    );
    expect(poor.map(([type]) => type)).toEqual([]);
  });
});

for (const [type, cases] of Object.entries(tables)) {
  const definition = (await plugins[type]!.load()) as AnyScorerDefinition;
  for (const [where, open] of Object.entries({ local, loopback })) {
    describe(`${type}, ${where}, scores as its formula says`, () => {
      for (const given of cases) {
        it(`${given.title}${given.parameters === undefined ? "" : ` ${JSON.stringify(given.parameters)}`}`, async () => {
          const scorer = await open(definition, given.parameters);
          const { pool, peers = [] } = given;
          const ask = () => fakeCall({ pool, peers, data: toData(given), ...withRequest(given) });
          for (const slot of given.history ?? []) {
            const call = ask();
            await scorer.score(call);
            await scorer.feedback({ ...picked, callId: call.callId, slot });
          }
          const want = given.want.map(toNumber);
          expect(snapTo(want, await scorer.score(ask()))).toEqual(want);
          await scorer.close();
        });
      }
    });
  }
}

const picked = {
  kind: "picked",
  atMs: 1,
  ownScore: 0,
  totalScore: 0,
  fallback: false,
  promptTokens: 0,
  picks: [],
} as const;

function toNumber(value: number | null): number {
  return value ?? Number.NaN;
}

function toData({ data = {} }: FormulaCase): Readonly<Record<string, readonly number[]>> {
  return Object.fromEntries(Object.entries(data).map(([key, values]) => [key, values.map(toNumber)]));
}

function withRequest({ request }: FormulaCase) {
  return request === undefined ? {} : { request };
}

/** The scores, as they are wanted where that is near: scores are 32-bit floats, and so is what they are made of. */
function snapTo(want: readonly number[], scores: Float32Array): readonly number[] {
  return Array.from(scores, (score, i) => (Math.abs(score - want[i]!) <= 1e-6 ? want[i]! : score));
}
