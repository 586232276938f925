import type { ScorerDefinition } from "@outrider/core/contract";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { catalogue } from "./fixtures/catalogue.ts";
import { loadText, ours } from "./fixtures/load-text.ts";

const scorer: ScorerDefinition = {
  kind: "scorer",
  type: "context-length-aware",
  category: "affinity",
  state: "none",
  needs: [],
  config: z.looseObject({}),
  create: () => ({ score() {} }),
};
const types = {
  ...catalogue,
  "context-length-aware": { load: async () => scorer, main: "/nowhere" },
};

async function load(text: string) {
  const result = await loadText(`${ours}${text}`, types);
  if (result.kind === "invalid") return { faults: result.faults.map(({ message }) => message) };
  const { profiles, policies } = result.config;
  return {
    profiles: profiles.map(({ filters, scorers }) => [...filters, ...scorers].map(({ name }) => name)),
    filters: policies.filter(({ type }) => type === "context-length-filter"),
  };
}

const filtering = "{ name: length, type: context-length-aware, parameters: { enableFiltering: true, label: len } }";
const filter = { name: "length/filter", type: "context-length-filter", parameters: { label: "len" } };

describe("a scorer that filters too", () => {
  it("brings a filter along in the default profile", async () => {
    expect(await load(`plugins: [${filtering}]`)).toEqual({
      profiles: [["length/filter", "length"]],
      filters: [filter],
    });
  });

  it("brings it along in the profiles that list it, and in no other", async () => {
    const profiles =
      "[{ name: a, plugins: [{ pluginRef: length }] }, { name: b, plugins: [{ pluginRef: queue-scorer }] }]";
    const handler = "{ type: header-profile-handler, parameters: { defaultProfile: a } }";
    const plugins = `[${filtering}, { type: queue-scorer }, ${handler}]`;
    expect(await load(`plugins: ${plugins}\nschedulingProfiles: ${profiles}`)).toEqual({
      profiles: [["length/filter", "length"], ["queue-scorer"]],
      filters: [filter],
    });
  });

  for (const parameters of ["{}", "{ enableFiltering: false }"]) {
    it(`brings none along with ${parameters}`, async () => {
      const plugins = `[{ name: length, type: context-length-aware, parameters: ${parameters} }]`;
      expect(await load(`plugins: ${plugins}`)).toEqual({ profiles: [["length"]], filters: [] });
    });
  }

  it("says where its filter's name is taken", async () => {
    const plugins = `[${filtering}, { name: length/filter, type: queue-scorer }]`;
    expect(await load(`plugins: ${plugins}`)).toEqual({
      faults: ["brings a filter along as length/filter, which names another plugin"],
    });
  });
});
