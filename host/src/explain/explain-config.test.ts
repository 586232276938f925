import { describe, expect, it } from "vitest";
import { catalogue } from "../config/fixtures/catalogue.ts";
import { loadConfig } from "../config/load.ts";
import { explainConfig } from "./explain-config.ts";
import { toExplanationText } from "./to-text.ts";
import type { Explanation } from "./types.ts";

const head = "apiVersion: outrider.dev/v1alpha1\nkind: EndpointPickerConfig\n";
const team = "processes: [{ name: team, command: [x] }]\n";

async function explain(text: string): Promise<Explanation> {
  const result = await loadConfig({ name: "epp.yaml", bytes: Buffer.from(head + text), folder: "/" }, catalogue);
  if (result.kind === "invalid") throw new Error(JSON.stringify(result.faults));
  return explainConfig(result.config, catalogue);
}

const readOf = ({ reads, prompt }: Explanation, key: string) => [...prompt, ...reads].find((read) => read.key === key);

describe("an explanation", () => {
  it("gives weights as shares of those that count", async () => {
    const { profiles } = await explain(`plugins:
- { type: queue-scorer }
- { type: kv-cache-utilization-scorer }
- { type: active-request-scorer, shadow: true }
schedulingProfiles:
- name: p
  plugins:
  - { pluginRef: queue-scorer, weight: 3 }
  - { pluginRef: kv-cache-utilization-scorer }
  - { pluginRef: active-request-scorer, weight: 9 }
`);
    expect(profiles[0]?.scorers.map(({ name, share }) => [name, share])).toEqual([
      ["queue-scorer", 0.75],
      ["kv-cache-utilization-scorer", 0.25],
      ["active-request-scorer", 0],
    ]);
  });

  it("says how sessions get back to their endpoints", async () => {
    const lines = toExplanationText(
      await explain(`plugins:
- { name: token, type: session-affinity-filter }
- name: id
  type: session-affinity-filter
  parameters: { strategy: session_id, sessionIdConfig: { sources: [{ header: A }, { attribute: SessionID }] }, profileName: q }
- { type: session-id-producer, parameters: { cookieName: sid } }
- { type: header-profile-handler, parameters: { headerName: x-p } }
schedulingProfiles: [{ name: p, plugins: [{ pluginRef: token }] }, { name: q, plugins: [{ pluginRef: id }] }]
`),
    ).split("\n");
    expect(
      lines.filter((line) => line.includes("sessions go back")).map((line) => line.trim().replace(/^- /, "")),
    ).toEqual([
      "sessions go back to the pick that their token in x-session-token names",
      "sessions go back to the pick of profile q they had before, by header a, cookie sid, for 300s",
    ]);
  });

  it("lists profiles in the order in which they run, those that nothing leads to last", async () => {
    const { profiles } = await explain(`plugins:
- { type: disagg-profile-handler, parameters: { deciders: { prefill: always-disagg-pd-decider } } }
- { type: always-disagg-pd-decider }
schedulingProfiles: [{ name: encode }, { name: prefill }, { name: decode }]
`);
    expect(profiles.map(({ name, reached }) => [name, reached])).toEqual([
      ["decode", true],
      ["prefill", true],
      ["encode", false],
    ]);
  });

  it("names who has prompts parsed", async () => {
    const explanation = await explain("plugins: [{ type: prefix-cache }]\n");
    expect(explanation.prompt).toEqual([
      {
        key: "request.block_hashes",
        says: "Chained hashes of the prompt's prefix blocks. Tokens a block: 64.",
        because: ["prefix-cache"],
      },
    ]);
    expect(toExplanationText(explanation)).toContain(
      "prompts are parsed:\n    request.block_hashes, for prefix-cache:",
    );
  });

  it("leaves prompts alone where nobody reads them, and a plugin that may not", async () => {
    const text = `${team}plugins: [{ name: mine, type: my-scorer, process: team, needs: [request.prompt_text] }]\n`;
    expect((await explain(text)).prompt).toEqual([]);
    const granted = text.replace("needs:", "grant: [request.prompt_text], needs:");
    expect((await explain(granted)).prompt.map(({ because }) => because)).toEqual([["mine"]]);
  });

  it("names plugins that tell only later what they read", async () => {
    const explanation = await explain(`${team}plugins: [{ name: mine, type: my-scorer, process: team }]\n`);
    expect(explanation.untold).toEqual(["mine"]);
    expect(toExplanationText(explanation)).toContain("mine says what it reads when it starts");
  });

  const observed: readonly { title: string; text: string; want: Partial<Explanation> }[] = [
    {
      title: "pass by where nobody asks",
      text: "referenceMetrics: false\n",
      want: { observation: "none", observers: [] },
    },
    {
      title: "are seen for metrics that are made of them",
      text: "",
      want: { observation: "full", observers: ["referenceMetrics"] },
    },
    {
      title: "are seen for who counts what is in flight",
      text: "referenceMetrics: false\nplugins: [{ type: active-request-scorer }]\n",
      want: { observation: "full", observers: ["active-request-scorer"] },
    },
    {
      title: "are seen as far as the configuration says",
      text: "responses: headers\nplugins: [{ type: active-request-scorer }]\n",
      want: { observation: "headers", observers: [] },
    },
  ];
  for (const { title, text, want } of observed) {
    it(`tells that responses ${title}`, async () => expect(await explain(text)).toMatchObject(want));
  }

  it("lists what is scraped with those who read it, the detector of saturation too", async () => {
    const { pages, reads } = await explain("plugins: [{ type: queue-scorer }]\n");
    expect(pages).toMatchObject([{ what: "metrics", path: "/metrics" }]);
    expect(pages[0]?.reads.map(({ key, because }) => [key, because])).toEqual([
      ["waiting_requests", ["queue-scorer", "utilization-detector"]],
      ["kv_cache_usage", ["utilization-detector"]],
    ]);
    expect(reads).toEqual([]);
  });

  it("fetches lists of models for a filter that reads them", async () => {
    const { pages } = await explain(`plugins: [{ type: serves-model }]
schedulingProfiles: [{ name: p, plugins: [{ pluginRef: serves-model }] }]
`);
    expect(pages.map(({ what }) => what)).toEqual(["metrics", "models"]);
    expect(pages.map(({ reads }) => reads.find(({ key }) => key === "endpoint.sets"))).toMatchObject([
      { says: expect.stringMatching(/Of these: adapters_running, adapters_waiting\.$/), because: ["serves-model"] },
      { says: expect.stringMatching(/Of these: models, adapters\.$/), because: ["serves-model"] },
    ]);
  });

  it("names headers that are read", async () => {
    const explanation = await explain(`plugins: [{ type: header-profile-handler, parameters: { headerName: X-Tier } }]
schedulingProfiles: [{ name: a }, { name: decode }]
`);
    expect(readOf(explanation, "request.headers")).toEqual({
      key: "request.headers",
      says: "Request headers, by name. Of these: x-tier.",
      because: ["header-profile-handler"],
    });
  });

  it("gives targets of rewrites their share of the requests", async () => {
    const { requests } = await explain(
      `modelRewrites:
- { models: [m], targets: [{ model: a, weight: 3 }, { model: b }, { model: c, weight: 1 }] }
- { models: [n], targets: [{ model: a }, { model: b }] }
`,
    );
    expect(requests.modelRewrites.map(({ targets }) => targets.map(({ share }) => share))).toEqual([
      [0.75, 0, 0.25],
      [0.5, 0.5],
    ]);
  });

  it("names what the configuration does not, and nothing that it does", async () => {
    const { added } = await explain(`plugins:
- { type: queue-scorer, onFailure: "inline:kv-cache-utilization-scorer" }
- { name: first, type: max-score-picker }
`);
    expect(added.map(({ name }) => name)).toEqual(
      expect.arrayContaining(["single-profile-handler", "utilization-detector"]),
    );
    expect(added.filter(({ type }) => type.endsWith("scorer") || type.endsWith("picker"))).toEqual([]);
  });

  const failures: readonly [written: string, words: string][] = [
    ["abstain", "the others decide"],
    ["neutral", "every endpoint counts 0.5"],
    ["last_known, lastKnownMaxAge: 3s", "its scores of the last 3s count"],
    ["fail_request", "the request is refused"],
    ['"inline:kv-cache-utilization-scorer"', "queue-scorer/fallback is asked"],
  ];
  for (const [written, words] of failures) {
    it(`says what ${written} comes to`, async () => {
      const explanation = await explain(`plugins: [{ type: queue-scorer, onFailure: ${written} }]\n`);
      expect(toExplanationText(explanation)).toContain(`without an answer ${words}\n`);
    });
  }
});
