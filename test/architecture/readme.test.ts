import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { loadConfig } from "@outrider/host";
import { plugins } from "outrider/plugins";
import { describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const read = (path: string) => readFileSync(`${root}${path}`, "utf8");
const readme = read("README.md");
const blocks = (language: string) =>
  [...readme.matchAll(new RegExp(`\`\`\`${language}\\n([^]*?)\`\`\``, "g"))].map((match) => match[1] ?? "");

describe("the README", () => {
  it("shows the Python scorer as it is in examples", () => {
    expect(blocks("python")).toEqual([read("examples/scorer-python-stdlib/scorer.py")]);
  });

  it("shows a configuration that is valid", async () => {
    expect(blocks("yaml")).toHaveLength(1);
    for (const text of blocks("yaml")) {
      const result = await loadConfig({ name: "README.md", bytes: Buffer.from(text), folder: root }, plugins);
      expect(result).toMatchObject({ kind: "valid", warnings: [] });
    }
  });

  for (const page of ["README.md", "ARCHITECTURE.md", "docs/README.md", "examples/README.md", "plugins/README.md"]) {
    it(`and ${page} link to what is there`, () => {
      const links = [...read(page).matchAll(/\]\((?!http)([^)#]+)\)/g)].map((match) => match[1] ?? "");
      const folder = new URL(page, new URL("../../", import.meta.url));
      expect(links.filter((link) => !existsSync(new URL(link, folder)))).toEqual([]);
    });
  }
});
