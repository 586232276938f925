import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";

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

it("shows a scorer, its process and its test", () => {
  expect(files.map(({ name }) => name)).toEqual(["scorer.ts", "main.ts", "scorer.test.ts"]);
});

describe("the tests it shows", async () => {
  await import(fileURLToPath(fileOf("scorer.test.ts")));
});
