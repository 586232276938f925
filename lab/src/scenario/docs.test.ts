import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { formatFaults } from "@outrider/host";
import { afterAll, describe, expect, it } from "vitest";
import type { z } from "zod";
import { hardwarePresets, modelPresets } from "../engine/index.ts";
import { arrivalKinds, stage } from "../workload/arrivals.ts";
import { mixture, partKinds } from "../workload/schema.ts";
import { drawnLength, formOf } from "../workload/schema-values.ts";
import { loadScenario } from "./load-scenario.ts";
import { scenarioFile } from "./schema.ts";
import { eventKinds, fleet, ownEngine } from "./schema-fleet.ts";

const page = readFileSync(new URL("../../../docs/lab.md", import.meta.url), "utf8");
const folder = mkdtempSync(join(tmpdir(), "outrider-docs-"));
afterAll(() => rmSync(folder, { recursive: true }));
writeFileSync(join(folder, "epp.yaml"), "apiVersion: outrider.dev/v1alpha1\nkind: EndpointPickerConfig\n");

const load = (text: string) => loadScenario({ name: "scenario.yaml", bytes: Buffer.from(text), folder });

/** Names of all fields below a schema, whatever form a value has. */
function fieldsIn(schema: z.ZodType, found = new Set<string>()): Set<string> {
  const inner = formOf(schema, {});
  const { shape, element, valueType, def } = inner as z.ZodType & {
    readonly shape?: Record<string, z.ZodType>;
    readonly element?: z.ZodType;
    readonly valueType?: z.ZodType;
    readonly def: { readonly innerType?: z.ZodType; readonly in?: z.ZodType };
  };
  for (const [name, field] of Object.entries(shape ?? {})) fieldsIn(field, found.add(name));
  for (const part of [element, valueType, def.innerType, def.in]) if (part !== undefined) fieldsIn(part, found);
  return found;
}

describe("docs/lab.md", () => {
  const schemas: Readonly<Record<string, z.ZodType>> = {
    "the file": scenarioFile,
    "the fleet": fleet,
    "an engine": ownEngine,
    "a mixture": mixture,
    "a stage": stage,
    "a length": drawnLength,
    ...partKinds,
    ...arrivalKinds,
    ...eventKinds,
  };
  for (const [title, schema] of Object.entries(schemas)) {
    it(`names every field of ${title}`, () => {
      const fields = [...fieldsIn(schema)];
      expect(fields.length).toBeGreaterThan(0);
      const isNamed = (field: string) => new RegExp(`[\`.{ ,]${field}[\`:.]`).test(page);
      expect(fields.filter((field) => !isNamed(field))).toEqual([]);
    });
  }

  it("names every kind, model and GPU", () => {
    const names = [partKinds, arrivalKinds, eventKinds, modelPresets, hardwarePresets].flatMap(Object.keys);
    expect(names.filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
  });

  it("shows a scenario that is valid", async () => {
    const [, example = ""] = /## A scenario\n\n```yaml\n([\s\S]*?)```/.exec(page) ?? [];
    const result = await load(example);
    expect(result.kind === "invalid" ? formatFaults("", result.faults) : result.scenario.name).toBe("evening");
  });

  it("shows what a faulty scenario is told", async () => {
    const [, faulty = "", told] = /```yaml\n([\s\S]*?)```\n\n```\n\$ .*\n([\s\S]*?)\n```/.exec(page) ?? [];
    const result = await load(faulty);
    expect(result.kind === "invalid" ? formatFaults("scenario.yaml", result.faults) : "").toBe(told);
  });
});
