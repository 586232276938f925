import { type HostConfig, loadConfig } from "@outrider/host";
import { toParametersSchema } from "@outrider/host/config/json-schema";
import { collectTypes } from "@outrider/host/config/shown-types";
import { describe, expect, it } from "vitest";
import { plugins } from "./plugins.ts";

type Entry = Readonly<Record<string, unknown>>;

function load(entries: readonly Entry[], profiles: Readonly<Record<string, readonly string[]>>) {
  const text = JSON.stringify({
    apiVersion: "llm-d.ai/v1alpha1",
    kind: "EndpointPickerConfig",
    plugins: [{ type: "header-profile-handler", parameters: { headerName: "x-p" } }, ...entries],
    schedulingProfiles: Object.entries(profiles).map(([name, members]) => ({
      name,
      plugins: members.map((pluginRef) => ({ pluginRef })),
    })),
  });
  return loadConfig({ name: "sessions.yaml", bytes: Buffer.from(text), folder: "/etc/epp" }, plugins);
}

async function requestsOf(entries: readonly Entry[]): Promise<HostConfig["requests"]> {
  const result = await load(entries, { decode: ["s"], prefill: [] });
  if (result.kind === "invalid") throw new Error(JSON.stringify(result.faults));
  return result.config.requests;
}

const byId = (...sources: readonly Entry[]) => ({ strategy: "session_id", sessionIdConfig: { sources } });
const header = (name: string) => ({ kind: "header", name });
const filter = { name: "s", type: "session-affinity-filter" };
const scorer = { name: "s", type: "session-affinity-scorer" };

describe("a configuration that pins sessions", () => {
  it("has its filter and its scorer share one way", async () => {
    const { sessions } = await requestsOf([filter, { ...scorer, name: "t" }]);
    expect(sessions).toEqual({ pinned: [{ kind: "token", profile: "", header: "x-session-token" }], shown: "" });
  });

  it("pins picks of several profiles, each by a header of its own", async () => {
    const parameters = { profileName: "prefill", encodedEndpointHeaderConfig: { header: "x-session-token-prefill" } };
    const { sessions } = await requestsOf([filter, { ...filter, name: "t", parameters }]);
    expect(sessions).toEqual({
      pinned: [
        { kind: "token", profile: "", header: "x-session-token" },
        { kind: "token", profile: "prefill", header: "x-session-token-prefill" },
      ],
      shown: "",
    });
  });

  it("shows scorers the pin of their own profile", async () => {
    const { sessions } = await requestsOf([
      filter,
      { ...scorer, name: "t", parameters: { profileName: "prefill", ...byId({ header: "x" }) } },
    ]);
    expect(sessions?.shown).toBe("prefill");
  });

  it("finds what its sources name", async () => {
    const sources = [
      { header: "X-Mine" },
      { attribute: "SessionID", producer: "cookie" },
      { attribute: "agent-identity" },
    ];
    const { sessions } = await requestsOf([
      { ...filter, parameters: byId(...sources) },
      { name: "other", type: "session-id-producer", parameters: { headerName: "X-Other" } },
      { name: "cookie", type: "session-id-producer", parameters: { cookieName: "sid" } },
      { type: "agent-identity", parameters: { additionalSessionHeaders: ["X-Agent"] } },
    ]);
    const [pinned] = sessions?.pinned ?? [];
    expect(pinned?.kind === "id" ? pinned.sources : []).toEqual([
      header("x-mine"),
      { kind: "cookie", name: "sid" },
      ...["x-agent", "x-claude-code-session-id", "x-session-affinity", "session-id", "session_id"].map(header),
    ]);
  });

  it("reads keys of sessions where it says, then in x-session-id, then from agents", async () => {
    const { sessionSources, sessions } = await requestsOf([
      { name: "s", type: "queue-scorer" },
      { type: "agent-identity", parameters: { additionalSessionHeaders: ["X-Agent"] } },
      { type: "session-id-producer", parameters: { cookieName: "sid" } },
    ]);
    expect(sessionSources.map(({ kind, name }) => `${kind} ${name}`)).toEqual([
      "cookie sid",
      "header x-session-id",
      "header x-agent",
      "header x-claude-code-session-id",
      "header x-session-affinity",
      "header session-id",
      "header session_id",
    ]);
    expect(sessions).toBeUndefined();
  });
});

describe("a configuration whose sessions cannot be pinned so", () => {
  const prefill = { profileName: "prefill" };
  const cases: readonly { title: string; entries: readonly Entry[]; at: string; message: RegExp; hint: RegExp }[] = [
    {
      title: "strategies that conflict",
      entries: [filter, { ...scorer, name: "t", parameters: { strategy: "session_id" } }],
      at: "plugins[2].parameters",
      message: /pins the same sessions as s in another way/,
      hint: /give both the same parameters/,
    },
    {
      title: "sources that conflict",
      entries: [
        { ...filter, parameters: byId({ header: "a" }) },
        { ...filter, name: "t", parameters: byId({ header: "b" }) },
      ],
      at: "plugins[2].parameters",
      message: /pins the same sessions as s in another way/,
      hint: /another profileName/,
    },
    {
      title: "scorers of several profiles",
      entries: [
        { ...scorer, parameters: byId({ header: "a" }) },
        { ...scorer, name: "t", parameters: { ...prefill, ...byId({ header: "a" }) } },
      ],
      at: "plugins[2].parameters.profileName",
      message: /scorers see one pin alone/,
      hint: /session-affinity-filter/,
    },
    {
      title: "one header for the picks of two profiles",
      entries: [filter, { ...filter, name: "t", parameters: prefill }],
      at: "plugins[2].parameters.encodedEndpointHeaderConfig.header",
      message: /sets x-session-token as s does/,
      hint: /another header/,
    },
    {
      title: "a profile that is not there",
      entries: [{ ...filter, parameters: { profileName: "prefil" } }],
      at: "plugins[1].parameters.profileName",
      message: /there is no profile "prefil"/,
      hint: /prefill/,
    },
    {
      title: "an attribute that nobody tells",
      entries: [{ ...filter, parameters: byId({ attribute: "agent-identity" }) }],
      at: "plugins[1].parameters.sessionIdConfig.sources[0]",
      message: /nobody tells agent-identity/,
      hint: /declare it under plugins: - type: agent-identity/,
    },
    {
      title: "a producer that is not there",
      entries: [
        { ...filter, parameters: byId({ attribute: "SessionID", producer: "cookies" }) },
        { name: "cookie", type: "session-id-producer", parameters: { cookieName: "a" } },
      ],
      at: "plugins[1].parameters.sessionIdConfig.sources[0].producer",
      message: /there is no session-id-producer named "cookies"/,
      hint: /cookie/,
    },
    {
      title: "a producer with two places",
      entries: [filter, { type: "session-id-producer", parameters: { cookieName: "a", headerName: "b" } }],
      at: "plugins[2].parameters",
      message: /either headerName or cookieName/,
      hint: /^/,
    },
    {
      title: "a producer without any",
      entries: [filter, { type: "session-id-producer" }],
      at: "plugins[2].parameters",
      message: /either headerName or cookieName/,
      hint: /^/,
    },
  ];
  for (const { title, entries, at, message, hint } of cases) {
    it(`is refused for ${title}, with a remedy`, async () => {
      const result = await load(entries, { decode: ["s"], prefill: [] });
      const faults = result.kind === "invalid" ? result.faults : [];
      expect(faults.map(({ path }) => path)).toEqual([at]);
      expect(faults[0]?.message).toMatch(message);
      expect(faults[0]?.hint).toMatch(hint);
    });
  }
});

it("session-affinity-filter and session-affinity-scorer take the same parameters", async () => {
  const types = await collectTypes(plugins, new Map());
  const schemaOf = (type: string) => toParametersSchema(types.find((each) => each.type === type)!);
  expect(schemaOf("session-affinity-filter").properties).toHaveProperty("sessionIdConfig");
  expect(schemaOf("session-affinity-scorer")).toEqual(schemaOf("session-affinity-filter"));
});
