import { globSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { loadConfig } from "@outrider/host";
import { Ajv2020 } from "ajv/dist/2020.js";
import { plugins } from "outrider/plugins";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { configsFolder, readRestated, restatedFiles } from "./restated.ts";

const root = new URL("../../../", import.meta.url);
const read = (path: string) => readFileSync(new URL(path, root), "utf8");
const schema = JSON.parse(read("host/outrider/config.schema.json"));
const validate = new Ajv2020({ strict: true, strictTypes: false, strictRequired: false }).compile(schema);

/** What an editor would underline, by path and keyword. */
function faultsOf(text: string): readonly string[] {
  validate(parse(text));
  return (validate.errors ?? []).map(({ instancePath, keyword }) => `${instancePath} ${keyword}`);
}

const head = "apiVersion: outrider.dev/v1alpha1\nkind: EndpointPickerConfig\n";

/** Whole configurations that pages show. */
const shown = ["README.md", "docs/configuration.md", "docs/scheduling.md", "docs/plugins.md"].flatMap((page) =>
  [...read(page).matchAll(/```yaml\n(apiVersion:[\s\S]*?)```/g)].map(([, text = ""], i) => ({
    title: `${page}, the ${i + 1}. one`,
    text,
  })),
);
const restated = restatedFiles.map((file) => ({ title: file, text: readRestated(file) }));
/** Every other configuration of the repository. */
const others = globSync("{examples,host,test}/**/*.yaml", {
  cwd: fileURLToPath(root),
  exclude: (path) => path.includes("node_modules") || path.includes("conformance/configs"),
})
  .map((file) => ({ title: file, text: read(file) }))
  .filter(({ text }) => text.includes("kind: EndpointPickerConfig"));

describe("the JSON Schema", () => {
  it("takes every configuration that loads", async () => {
    const faults: Record<string, readonly string[]> = {};
    let loaded = 0;
    for (const { title, text } of [...restated, ...shown, ...others]) {
      const raw = { name: title, bytes: Buffer.from(text), folder: configsFolder };
      if ((await loadConfig(raw, plugins)).kind === "invalid") continue;
      loaded++;
      if (faultsOf(text).length > 0) faults[title] = faultsOf(text);
    }
    expect(faults).toEqual({});
    expect(loaded).toBeGreaterThan(20);
  });

  const cases: readonly { readonly title: string; readonly text: string; readonly at: string }[] = [
    { title: "another kind", text: "apiVersion: outrider.dev/v1alpha1\nkind: Pod\n", at: "/kind const" },
    { title: "no kind", text: "apiVersion: outrider.dev/v1alpha1\n", at: " required" },
    { title: "another version", text: "apiVersion: v1\nkind: EndpointPickerConfig\n", at: "/apiVersion enum" },
    { title: "a field that is none", text: `${head}pluginz: []\n`, at: " additionalProperties" },
    { title: "a plugin without a type", text: `${head}plugins: [{ name: a }]\n`, at: "/plugins/0 required" },
    { title: "a misspelt type", text: `${head}plugins: [{ type: queue-socrer }]\n`, at: "/plugins/0/type enum" },
    {
      title: "a type that is refused",
      text: `${head}plugins: [{ type: mm-embeddings-cache-scorer }]\n`,
      at: "/plugins/0/type enum",
    },
    {
      title: "a parameter that is none",
      text: `${head}plugins: [{ type: max-score-picker, parameters: { ties: first } }]\n`,
      at: "/plugins/0/parameters additionalProperties",
    },
    {
      title: "a parameter of another kind",
      text: `${head}plugins: [{ type: load-aware-scorer, parameters: { threshold: many } }]\n`,
      at: "/plugins/0/parameters/threshold type",
    },
    {
      title: "a choice that is none",
      text: `${head}plugins: [{ type: max-score-picker, parameters: { tieBreak: last } }]\n`,
      at: "/plugins/0/parameters/tieBreak enum",
    },
    {
      title: "a weight that is text",
      text: `${head}schedulingProfiles: [{ name: p, plugins: [{ pluginRef: a, weight: heavy }] }]\n`,
      at: "/schedulingProfiles/0/plugins/0/weight type",
    },
    {
      title: "a negative weight",
      text: `${head}schedulingProfiles: [{ name: p, plugins: [{ pluginRef: a, weight: -1 }] }]\n`,
      at: "/schedulingProfiles/0/plugins/0/weight exclusiveMinimum",
    },
    {
      title: "an objective without a name",
      text: `${head}objectives: [{ priority: 1 }]\n`,
      at: "/objectives/0 required",
    },
    {
      title: "a rewrite without a target",
      text: `${head}modelRewrites: [{ models: [a], targets: [] }]\n`,
      at: "/modelRewrites/0/targets minItems",
    },
    { title: "an unknown way out", text: `${head}unknownModels: drop\n`, at: "/unknownModels enum" },
  ];
  for (const { title, text, at } of cases) {
    it(`refuses ${title}, as a check does`, async () => {
      expect(faultsOf(text)).toContain(at);
      const raw = { name: title, bytes: Buffer.from(text), folder: configsFolder };
      expect((await loadConfig(raw, plugins)).kind).toBe("invalid");
    });
  }

  it("leaves types that another program declares to it", () => {
    const processes = "processes: [{ name: p, command: [x] }]\n";
    expect(faultsOf(`${head}${processes}plugins: [{ type: mine, process: p, parameters: { any: 1 } }]\n`)).toEqual([]);
    expect(faultsOf(`${head}plugins: [{ type: queue-scorer, module: ./mine.ts, parameters: { a: 1 } }]\n`)).toEqual([]);
  });

  it("describes every field outside of parameters", () => {
    const bare = fieldsIn(schema).filter(({ field }) => field.description === undefined);
    expect(bare.map(({ path }) => path)).toEqual([]);
    expect(fieldsIn(schema).length).toBeGreaterThan(50);
  });

  it("describes every parameter", () => {
    const entry = schema.properties.plugins.items.then.allOf as readonly TypeRule[];
    const bare = entry.flatMap((rule) =>
      fieldsIn(rule.then.properties.parameters)
        .filter(({ field }) => field.description === undefined)
        .map(({ path }) => `${rule.if.properties.type.const}: ${path}`),
    );
    expect(bare).toEqual([]);
    expect(entry.length).toBeGreaterThan(20);
  });
});

interface Schema {
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
}

interface TypeRule {
  readonly if: { readonly properties: { readonly type: { readonly const: string } } };
  readonly then: { readonly properties: { readonly parameters: Schema } };
}

function fieldsIn(schema: Schema, path = ""): readonly { readonly path: string; readonly field: Schema }[] {
  const own = Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
    const at = path === "" ? name : `${path}.${name}`;
    return [{ path: at, field }, ...fieldsIn(field, at)];
  });
  const inner = [...(schema.items ? [schema.items] : []), ...(schema.anyOf ?? [])];
  return [...own, ...inner.flatMap((each) => fieldsIn(each, `${path}[]`))];
}
