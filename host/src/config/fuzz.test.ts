import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parse, stringify } from "yaml";
import { createPolicies } from "../policies/create-policies.ts";
import { formatFault, formatFaults } from "./faults.ts";
import { loadText } from "./fixtures/load-text.ts";
import type { ConfigResult } from "./load.ts";
import { createPlan } from "./plan.ts";

const folder = fileURLToPath(new URL("fixtures/valid/", import.meta.url));
const valid = readdirSync(folder).map((file) => ({ file, text: readFileSync(`${folder}${file}`, "utf8") }));
const trees = valid.map(({ text }) => parse(text, { merge: true }) as Container);

type Container = Record<string | number, unknown>;

/** Longest message with its hint, whatever is quoted in it. */
const longestMessage = 1_500;

/** What must hold of any answer: a fault has a place and one short line; what is accepted can be built. */
function checkAnswer(result: ConfigResult, text: string): void {
  const lines = text.split("\n").length;
  const faults = result.kind === "invalid" ? result.faults : [];
  if (result.kind === "invalid") expect(faults.length).toBeGreaterThan(0);
  for (const fault of [...faults, ...result.warnings, ...result.notes]) {
    expect(fault.line).toBeGreaterThanOrEqual(1);
    expect(fault.line).toBeLessThanOrEqual(lines);
    expect(fault.column).toBeGreaterThanOrEqual(1);
    expect(fault.message).not.toBe("");
    expect(formatFault("", fault).length).toBeLessThan(longestMessage);
    expect(formatFault("", fault)).not.toMatch(/\n|undefined|\[object/);
  }
  if (result.kind === "invalid") return;
  const plugins = {
    scorer: (name: string) => ({ name, type: "t", score: () => {} }),
    producer: (name: string) => ({ name, type: "t", produces: [], produce: () => {} }),
  };
  const config = structuredClone(result.config); // a reload gets it from a thread
  expect(config).toEqual(result.config);
  const policies = createPolicies(config.policies);
  expect(createPlan(config, plugins, policies, 1).profiles.length).toBeGreaterThan(0);
  const { detector, screeners, agents, reporters } = config.requests;
  policies.get("detector", detector);
  for (const name of screeners) policies.get("screener", name);
  for (const name of agents) policies.find(name).type.agent!(policies.find(name).spec.parameters as never);
  for (const name of reporters) policies.find(name).type.reporter!(policies.find(name).spec.parameters as never);
}

/** Each map and list in a tree, with the keys that lead out of it. */
function containersOf(tree: unknown): readonly (readonly [Container, string | number])[] {
  if (typeof tree !== "object" || tree === null) return [];
  const container = tree as Container;
  const keys = Array.isArray(tree) ? [...tree.keys()] : Object.keys(tree);
  return keys.flatMap((key) => [[container, key] as const, ...containersOf(container[key])]);
}

const oddValues: readonly unknown[] = [
  Number.NaN,
  Number.POSITIVE_INFINITY,
  -1,
  0,
  0.5,
  1e308,
  -0,
  2 ** 53,
  "",
  " ",
  "\0",
  "\u202e",
  "a\nb",
  "x".repeat(300),
  "__proto__",
  "constructor",
  "5ms",
  "inline:queue-scorer",
  "data.prefix_match_blocks",
  true,
  false,
  null,
  [],
  [null],
  {},
  { name: "queue", type: "queue-scorer" },
  [[[[[[]]]]]],
];

type Edit = (at: readonly (readonly [Container, string | number])[], pick: number, other: number) => void;

const edits: Readonly<Record<string, Edit>> = {
  remove: (at, pick) => {
    const [container, key] = at[pick % at.length]!;
    if (Array.isArray(container)) container.splice(Number(key), 1);
    else delete container[key];
  },
  replace: (at, pick, other) => {
    const [container, key] = at[pick % at.length]!;
    container[key] = oddValues[other % oddValues.length];
  },
  exchange: (at, pick, other) => {
    const [[one, key], [two, otherKey]] = [at[pick % at.length]!, at[other % at.length]!];
    [one[key], two[otherKey]] = [structuredClone(two[otherKey]), structuredClone(one[key])];
  },
  repeat: (at, pick) => {
    const [container, key] = at[pick % at.length]!;
    if (Array.isArray(container)) container.push(structuredClone(container[Number(key)]));
    else container[`${key}2`] = structuredClone(container[key]);
  },
  misspell: (at, pick, other) => {
    const [container, key] = at[pick % at.length]!;
    if (Array.isArray(container)) return;
    const name = String(key);
    container[name.slice(0, other % name.length) + name.slice((other % name.length) + 1)] = container[key];
    delete container[key];
  },
};

const changes = fc.array(fc.tuple(fc.constantFrom(...Object.keys(edits)), fc.nat(10_000), fc.nat(10_000)), {
  minLength: 1,
  maxLength: 6,
});

const pieces = [
  "\t",
  "&a ",
  "*a",
  "<<: *a",
  "!!int ",
  "? ",
  "- ",
  ": ",
  "\u0000",
  "\ud800",
  "{",
  "]",
  "'",
  "|\n",
  "---\n",
];
const cuts = fc.array(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(9), fc.constantFrom(...pieces)), {
  minLength: 1,
  maxLength: 6,
});

describe("a configuration", () => {
  for (const { file, text } of valid) {
    it(`such as ${file} has no fault, and can be built`, async () => {
      const result = await loadText(text);
      expect(result.kind === "invalid" ? formatFaults(file, result.faults) : "").toBe("");
      expect(formatFaults(file, result.warnings)).toBe("");
      checkAnswer(result, text);
    });
  }

  it("that was changed at random is refused at its places, or can be built", async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...trees), changes, async (tree, list) => {
        const changed = structuredClone(tree);
        for (const [edit, pick, other] of list) {
          const at = containersOf(changed);
          if (at.length > 0 && at.length < 5_000) edits[edit]!(at, pick, other);
        }
        const text = stringify(changed, { aliasDuplicateObjects: false });
        checkAnswer(await loadText(text), text);
      }),
      { numRuns: 500, seed: 20_261_123 },
    );
  }, 120_000);

  it("whose text was cut and patched at random is refused at its places, or can be built", async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...valid), cuts, async ({ text }, list) => {
        const changed = list.reduce((made, [share, length, piece]) => {
          const at = Math.floor(share * made.length);
          return made.slice(0, at) + piece + made.slice(at + length);
        }, text);
        checkAnswer(await loadText(changed), changed);
      }),
      { numRuns: 500, seed: 20_261_124 },
    );
  }, 120_000);
});
