import { existsSync, readFileSync } from "node:fs";
import { errorCodes } from "@outrider/core/contract";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { formatFaults } from "./config/faults.ts";
import { catalogue } from "./config/fixtures/catalogue.ts";
import { keyTables } from "./config/keys-table.ts";
import { loadConfig } from "./config/load.ts";
import { insertTables } from "./markdown.ts";
import { familyTables } from "./metrics/reference/families-table.ts";
import { policyTypes } from "./policies/catalogue.ts";

const page = (name: string) => readFileSync(new URL(`../../docs/${name}`, import.meta.url), "utf8");

/** Configurations in a page that begin so. */
const partsOf = (text: string, start: RegExp) =>
  [...text.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, part = ""]) => part).filter((part) => start.test(part));

/** A configuration without its first two lines. */
function loadPart(part: string) {
  const bytes = Buffer.from(`apiVersion: outrider.dev/v1alpha1\nkind: EndpointPickerConfig\n${part}`);
  return loadConfig({ name: "docs", bytes, folder: "/nowhere" }, catalogue);
}

describe("docs/errors.md", () => {
  it("has every error, in the order of the code, and no other", () => {
    const documented = page("errors.md")
      .split("\n")
      .filter((line) => line.startsWith("## "));
    expect(documented.map((line) => line.slice(3))).toEqual(Object.keys(errorCodes));
  });
});

describe("docs/metrics.md", () => {
  it("has the families of the code", () => {
    const text = page("metrics.md");
    expect(insertTables(text, familyTables)).toBe(text);
    for (const name of Object.keys(familyTables)) expect(text).toContain(`<!-- generated: ${name} -->`);
  });
});

describe("docs/configuration.md", () => {
  const text = page("configuration.md");

  it("has the keys of the code", () => expect(insertTables(text, keyTables)).toBe(text));

  it("shows a configuration that is valid, without warnings", async () => {
    const [, example = ""] = /## The file\n\n```yaml\n([\s\S]*?)```/.exec(text) ?? [];
    const result = await loadConfig({ name: "docs", bytes: Buffer.from(example), folder: "/" }, catalogue);
    expect(result).toMatchObject({ kind: "valid", warnings: [] });
  });

  it("shows what a check of a faulty file prints", async () => {
    const [, faulty = "", printed] = /```yaml\n([\s\S]*?)```\n\n```\n\$ .*\n([\s\S]*?)\n```/.exec(text) ?? [];
    const result = await loadConfig({ name: "docs", bytes: Buffer.from(faulty), folder: "/" }, catalogue);
    expect(formatFaults("epp.yaml", result.kind === "invalid" ? result.faults : [])).toBe(printed);
  });

  it("shows parts of a configuration that have no other fault than that their files are not there", async () => {
    const parts = partsOf(text, /^(?:processes|workers|objectives|modelRewrites):/);
    expect(parts).toHaveLength(4);
    for (const part of parts) {
      const result = await loadPart(part);
      const faults = result.kind === "invalid" ? result.faults : [];
      expect(faults.filter(({ message }) => !message.startsWith("there is no file"))).toEqual([]);
    }
  });

  it("shows grants as they are written", async () => {
    const [, grant = ""] = /```yaml\n(grant:[\s\S]*?)```/.exec(text) ?? [];
    const config = {
      apiVersion: "outrider.dev/v1alpha1",
      kind: "EndpointPickerConfig",
      processes: [{ name: "p", command: ["x"] }],
      plugins: [{ type: "mine", process: "p", ...(parse(grant) as object) }],
    };
    const bytes = Buffer.from(JSON.stringify(config));
    expect(await loadConfig({ name: "docs", bytes, folder: "/" }, catalogue)).toMatchObject({
      kind: "valid",
      warnings: [],
    });
  });
});

describe("docs/scheduling.md", () => {
  const parts = partsOf(page("scheduling.md"), /^plugins:/);

  it("shows configurations", () => expect(parts.length).toBeGreaterThan(3));

  for (const part of parts) {
    it(`shows one that is valid, without warnings: ${part.split("\n")[1]}`, async () => {
      expect(await loadPart(part)).toMatchObject({ kind: "valid", warnings: [] });
    });
  }

  it("names every picker and profile handler that is not deprecated", () => {
    const types = policyTypes.filter(({ picker, handler, notice }) => (picker ?? handler) && notice === undefined);
    const text = page("scheduling.md");
    expect(types.map(({ type }) => type).filter((type) => !text.includes(`| \`${type}\` |`))).toEqual([]);
  });
});

for (const name of ["configuration.md", "scheduling.md", "plugin-types.md"]) {
  it(`docs/${name} leads to pages and headings that are there`, () => {
    const links = [...page(name).matchAll(/\]\((?!http)([\w./-]*)(?:#([\w-]+))?\)/g)];
    const broken = links.filter(([, file = "", anchor]) => {
      const target = new URL(`../../docs/${file === "" ? name : file}`, import.meta.url);
      if (!existsSync(target)) return true;
      return anchor !== undefined && !anchorsIn(readFileSync(target, "utf8")).includes(anchor);
    });
    expect(links.length).toBeGreaterThan(3);
    expect(broken.map(([link]) => link)).toEqual([]);
  });
}

/** Anchors of a page's headings. */
function anchorsIn(text: string): readonly string[] {
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  );
}
