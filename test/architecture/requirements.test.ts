import { existsSync, readFileSync } from "node:fs";
import { rules } from "@outrider/plugin-conformance";
import { describe, expect, it } from "vitest";
import { plugins } from "../conformance/broken-plugins/plugins.ts";

const page = new URL("../../docs/plugin-requirements.md", import.meta.url);
const text = readFileSync(page, "utf8");

/** Cells of the rows whose first one is such an id. */
const rowsOf = (id: RegExp) =>
  text
    .split("\n")
    .filter((line) => line.startsWith("| "))
    .map((line) => line.slice(2, -2).split(" | "))
    .filter(([first = ""]) => id.test(first));

const linksOf = (part: string) => [...part.matchAll(/\]\((?!http)([^)#]+)\)/g)].map(([, link = ""]) => link);

describe("docs/plugin-requirements.md", () => {
  it("has R1 to R26, each with tests or said to come later", () => {
    const rows = rowsOf(/^R\d+$/);
    expect(rows.map(([id]) => id)).toEqual(Array.from({ length: 26 }, (_, i) => `R${i + 1}`));
    const bare = rows.filter(([, , shown = ""]) => shown !== "later" && !/\.test\.ts\)/.test(shown));
    expect(bare).toEqual([]);
  });

  it("links to what is there", () => {
    expect(linksOf(text).length).toBeGreaterThan(26);
    expect(linksOf(text).filter((link) => !existsSync(new URL(link, page)))).toEqual([]);
  });

  it("names for every rule the plugins that break it, and no others", () => {
    const rows = rowsOf(/^C\d+$/).map(([id, broken = ""]) => [
      id,
      [...broken.matchAll(/`([^`]+)`/g)].map(([, name]) => name),
    ]);
    const wanted = rules.map(({ id }) => [
      id,
      Object.keys(plugins).filter((name) => [...plugins[name]!.breaks, ...(plugins[name]!.warns ?? [])].includes(id)),
    ]);
    expect(rows).toEqual(wanted);
  });
});
