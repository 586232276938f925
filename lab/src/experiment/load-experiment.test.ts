import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { formatFaults } from "@outrider/host";
import { afterAll, describe, expect, it } from "vitest";
import { isExperiment, loadExperiment } from "./load-experiment.ts";
import { experimentFile } from "./schema.ts";

const folder = mkdtempSync(join(tmpdir(), "outrider-experiment-"));
afterAll(() => rmSync(folder, { recursive: true }));
for (const name of ["a.yaml", "b.yaml", "fleet.yaml"]) writeFileSync(join(folder, name), "kind: any\n");

const head = "apiVersion: outrider.dev/v1alpha1\nkind: Experiment\n";
const policies = "policies: [a.yaml, b.yaml]\n";
const cases = "cases:\n- { name: small, scenario: fleet.yaml }\n";
const raw = (text: string) => ({ name: join(folder, "x.yaml"), bytes: Buffer.from(text), folder });

describe("an experiment's file", () => {
  const faulty: readonly { readonly title: string; readonly text: string; readonly want: readonly RegExp[] }[] = [
    {
      title: "all that is missing",
      text: head,
      want: [/x\.yaml:1:1 policies: is missing/, /x\.yaml:1:1 cases: is missing/],
    },
    {
      title: "fields that there are not",
      text: `${head}${policies}seedz: 2\ncases:\n- { name: small, scenaro: fleet.yaml }\n`,
      want: [/:4:1 seedz: there is no such field \(did you mean seeds\?\)/, /:6:18 cases\[0\]\.scenaro: .*scenario/],
    },
    {
      title: "rates that are none",
      text: `${head}${policies}rates: [2, 0, fast]\n${cases}`,
      want: [/:4:12 rates\[1\]: must be above 0/, /:4:15 rates\[2\]: must be a finite number/],
    },
    {
      title: "files that are not there",
      text: `${head}policies: [none.yaml]\ncases:\n- { name: small, scenario: gone.yaml }\n`,
      want: [
        /:3:12 policies\[0\]: names a file that cannot be read, "none.yaml": ENOENT/,
        /:5:\d+ cases\[0\]\.scenario: names a file .*gone\.yaml.*\(paths start at the folder of the experiment\)/,
      ],
    },
    {
      title: "two cases that would share a folder",
      text: `${head}${policies}${cases}- { name: Small, scenario: fleet.yaml }\n`,
      want: [/:6:\d+ cases\[1\]\.name: is that of cases\[0\] too/],
    },
    {
      title: "a case whose folder is the one above",
      text: `${head}${policies}cases:\n- { name: .., scenario: fleet.yaml }\n`,
      want: [/cases\[0\]\.name: ".." cannot be a folder/],
    },
    {
      title: "a path that is none",
      text: `${head}${policies}cases:\n- { name: small, scenario: fleet.yaml, set: { "fleet[x": 1 } }\n`,
      want: [/:5:\d+ cases\[0\]\.set.*: "fleet\[x" is no path of a scenario/],
    },
    {
      title: "more runs than anybody waits for",
      text: `${head}${policies}rates: [${Array.from({ length: 99 }, (_, i) => i + 1).join(", ")}]\nseeds: 1000\n${cases}`,
      want: [/asks for 198000 runs, more than 100000/],
    },
    { title: "text that is no YAML", text: `${head}policies: [a.yaml\n`, want: [/x\.yaml:\d+:\d+ /] },
  ];
  for (const { title, text, want } of faulty) {
    it(`is told of ${title}`, async () => {
      const result = await loadExperiment(raw(text), []);
      expect(result.kind).toBe("invalid");
      const told = result.kind === "invalid" ? formatFaults("x.yaml", result.faults) : "";
      for (const one of want) expect(told).toMatch(one);
    });
  }

  it("names files as they are found from here, and rates in order", async () => {
    const set = `cases:\n- { name: big, scenario: fleet.yaml, set: { "fleet[0].count": 12 } }\n`;
    const result = await loadExperiment(raw(`${head}${policies}rates: [8, 2, 8]\n${set}`), []);
    expect(result).toEqual({
      kind: "valid",
      experiment: {
        name: "x",
        policies: [join(folder, "a.yaml"), join(folder, "b.yaml")],
        rates: [2, 8],
        seeds: 1,
        cases: [
          {
            name: "big",
            scenario: join(folder, "fleet.yaml"),
            overrides: [{ path: ["fleet", 0, "count"], value: 12 }],
          },
        ],
      },
    });
  });

  it("takes values of the command line in the place of its own", async () => {
    const result = await loadExperiment(raw(head + policies + cases), [{ path: ["seeds"], value: 5 }]);
    expect(result).toMatchObject({ kind: "valid", experiment: { seeds: 5, rates: [] } });
  });

  const kinds = [
    { text: head, want: true },
    { text: "kind: Scenario\n", want: false },
    { text: "- kind: Experiment\n", want: false },
    { text: "kind: [", want: false },
    { text: "\u0000\ud800", want: false },
  ];
  for (const { text, want } of kinds) {
    it(`is ${want ? "" : "not "}what ${JSON.stringify(text)} is taken for`, () => {
      expect(isExperiment(raw(text))).toBe(want);
    });
  }
});

describe("docs/experiment.md", () => {
  const page = readFileSync(new URL("../../../docs/experiment.md", import.meta.url), "utf8");

  it("shows an experiment that is valid", async () => {
    const [, example = ""] = /```yaml\n([\s\S]*?)```/.exec(page) ?? [];
    for (const name of ["mine.yaml", "theirs.yaml"]) writeFileSync(join(folder, name), "");
    expect((await loadExperiment(raw(example), [])).kind).toBe("valid");
  });

  const { shape } = experimentFile;
  const fields = [...Object.keys(shape), ...Object.keys(shape.cases.element.shape).map((field) => `cases[].${field}`)];
  it("names every field, and no other", () => {
    const [, table = ""] = /## Your own[\s\S]*?\n(\| field[\s\S]*?)\n\n/.exec(page) ?? [];
    expect([...table.matchAll(/^\| `([^`]+)`/gm)].map(([, field]) => field)).toEqual(fields);
  });
});
