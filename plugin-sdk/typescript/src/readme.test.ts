import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { AnyScorerDefinition } from "@outrider/core/contract";
import { afterAll, describe, expect, it } from "vitest";
import { childProcess, fakeCall } from "./testing/index.ts";

const page = readFileSync(new URL("../README.md", import.meta.url), "utf8");
const folder = new URL(`../.cache/readme-${process.pid}/`, import.meta.url);
mkdirSync(folder, { recursive: true });
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const files = [...page.matchAll(/```ts\n\/\/ (\S+)\n([\s\S]*?)```/g)].map(([, name = "", code = ""]) => ({
  name,
  code,
}));
// Not under the name of a test: what a killed run leaves behind is none of the workspace's tests.
const fileOf = (name: string) => new URL(name.replace(".test.ts", ".suite.ts"), folder);
for (const { name, code } of files) writeFileSync(fileOf(name), code);

it("shows scorers, processes and tests", () => {
  const names = ["scorer.ts", "main.ts", "scorer.test.ts", "recovery.ts", "free-cache.ts", "more.test.ts", "remote.ts"];
  expect(files.map(({ name }) => name)).toEqual(names);
});

it("shows a service that a host may start as well", async () => {
  const { shortQueue } = (await import(fileURLToPath(fileOf("scorer.ts")))) as {
    readonly shortQueue: AnyScorerDefinition;
  };
  const scorer = await childProcess(fileOf("remote.ts"))(shortQueue);
  await expect.poll(() => scorer.score(fakeCall({ pool: [{ waiting_requests: 4 }] }))).toEqual(Float32Array.of(0.75));
  await scorer.close();
}, 20_000);

describe("the tests it shows", async () => {
  for (const { name } of files) if (name.endsWith(".test.ts")) await import(fileURLToPath(fileOf(name)));
});
