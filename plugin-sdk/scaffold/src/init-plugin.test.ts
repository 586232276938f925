import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { initPlugin } from "./init-plugin.ts";

let parent: string;
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), "outrider-init-"));
});
afterEach(() => rmSync(parent, { recursive: true }));

describe("a new plugin's folder", () => {
  const names = ["", "Short", "short queue", "../short", "-short", "short--queue", "1st", "a".repeat(61)];
  for (const name of names) {
    it(`is not made for the name ${JSON.stringify(name.slice(0, 20))}`, async () => {
      expect(await initPlugin(name, "python-stdlib", parent)).toMatchObject({
        kind: "refused",
        problem: expect.stringContaining("is no name for a type"),
      });
      expect(readdirSync(parent)).toEqual([]);
    });
  }

  it("does not touch one that is there and holds something", async () => {
    mkdirSync(join(parent, "mine"));
    writeFileSync(join(parent, "mine", "scorer.py"), "mine");
    expect(await initPlugin("mine", "python-stdlib", parent)).toMatchObject({ kind: "refused" });
    expect(readdirSync(join(parent, "mine"))).toEqual(["scorer.py"]);
    expect(readFileSync(join(parent, "mine", "scorer.py"), "utf8")).toBe("mine");
  });

  for (const language of ["python-stdlib", "python", "go"] as const) {
    it(`names the type in every place that refers to it, in ${language}`, async () => {
      const made = await initPlugin("short-queue", language, parent);
      if (made.kind === "refused") throw new Error(made.problem);
      const texts = made.files.map((file) => readFileSync(join(made.folder, file), "utf8"));
      expect(texts.filter((text) => /\{\{[a-z]+\}\}/i.test(text))).toEqual([]);
      expect(readFileSync(join(made.folder, "outrider.yaml"), "utf8")).toContain("pluginRef: short-queue");
    });
  }

  it("has the example in Python's standard library as it is", async () => {
    await initPlugin("short-queue", "python-stdlib", parent);
    const example = new URL("../../../examples/scorer-python-stdlib/scorer.py", import.meta.url);
    expect(readFileSync(join(parent, "short-queue", "scorer.py"), "utf8")).toBe(readFileSync(example, "utf8"));
  });
});
