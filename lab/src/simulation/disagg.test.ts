import { describe, expect, it } from "vitest";
import type { LabEvent } from "../contract/index.ts";
import { arrivals, request, scenario, server, tell } from "./fixtures/scenario.ts";

const configText = `apiVersion: llm-d.ai/v1alpha1
kind: EndpointPickerConfig
plugins:
  - { type: least-sent, placement: inline }
  - { type: prefill-filter }
  - { type: decode-filter }
  - { type: always-disagg-pd-decider }
  - { type: disagg-profile-handler, parameters: { deciders: { prefill: always-disagg-pd-decider } } }
schedulingProfiles:
  - { name: prefill, plugins: [{ pluginRef: prefill-filter }, { pluginRef: least-sent }] }
  - { name: decode, plugins: [{ pluginRef: decode-filter }, { pluginRef: least-sent }] }
`;
const role = (name: string, of: string) => server(name, { labels: { "llm-d.ai/role": of } });
const servers = [role("p1", "prefill"), role("p2", "prefill"), role("d1", "decode")];
const run = (fields = {}, count = 20) =>
  tell(
    scenario(
      arrivals(count, 200, () => request({ promptTokens: 4_000 })),
      { servers, configText, ...fields },
    ),
  );

describe("prompts that are computed apart", () => {
  it("are computed by one server and answered by the other", async () => {
    const { outcomes, leases } = await run();
    expect(outcomes.every(({ kind, server: at }) => kind === "ok" && at === 2)).toBe(true);
    expect(new Set(outcomes.map(({ prefillServer }) => prefillServer))).toEqual(new Set([0, 1]));
    expect(outcomes.every(({ outputTokens }) => outputTokens === 20)).toBe(true);
    expect(leases).toBe(0);
  });

  it("arrive as much later as their blocks take", async () => {
    const ttftOf = async (kvTransferUsPerToken: number) =>
      (await run({ kvTransferUsPerToken }, 1)).outcomes[0]?.ttftMs ?? 0;
    expect((await ttftOf(50)) - (await ttftOf(0))).toBeCloseTo(200, 6);
  });

  it("are computed where they are answered when their server is lost", async () => {
    const events: LabEvent[] = [{ atMs: 10, servers: ["p1", "p2"], kind: "crash" }];
    const { outcomes } = await run({ events });
    expect(outcomes.every(({ kind, prefillServer }) => kind === "ok" && prefillServer === -1)).toBe(true);
  });

  it("fail with the server that was to answer", async () => {
    const events: LabEvent[] = [{ atMs: 450, servers: ["d1"], kind: "crash" }];
    const { outcomes, leases } = await run({ events, kvTransferUsPerToken: 20 }, 3);
    expect(outcomes.map(({ kind }) => kind)).toEqual(["ok", "failed", "failed"]);
    expect(leases).toBe(0);
  });
});
