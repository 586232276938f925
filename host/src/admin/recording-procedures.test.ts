import { createEndpointTable } from "@outrider/core";
import { describe, expect, it } from "vitest";
import { createDecisionFeeds, maxFeeds } from "../record/decision-feeds.ts";
import { config, decide, plan } from "../record/fixtures/decide.ts";
import { toHeader } from "../record/recording-header.ts";
import { openAdmin } from "./fixtures/open-admin.ts";

function openFeeds() {
  const table = createEndpointTable({ epoch: 9 });
  table.upsert({ id: "default/a", address: "10.0.0.2:8000", labels: {} });
  table.publish(1);
  const header = () => toHeader(config.source, 3, table.current);
  const feeds = createDecisionFeeds({ table, plan: () => plan, header, decided: () => 0, overhear: () => () => {} });
  const make = async (decisionId: string) => {
    const record = await decide(decisionId);
    const { snapshot, candidates, inflight, seed } = record;
    const facts = record.facts as Parameters<NonNullable<typeof feeds.recorder>["begin"]>[0]["facts"];
    const watch = feeds.recorder?.begin({ decisionId, facts, snapshot, plan, candidates, inflight, seed });
    watch?.made(record, { door: "gateway", plan, refusal: undefined });
  };
  return { feeds, make };
}

async function codeOf(stream: AsyncIterable<unknown>): Promise<number | undefined> {
  try {
    for await (const _ of stream) return undefined;
  } catch (cause) {
    return (cause as { code?: number }).code;
  }
  return undefined;
}

describe("watchDecisions", () => {
  const faults = [
    { title: "prompts where the operator does not allow them", request: { promptText: true }, code: 7 },
    { title: "token ids where the operator does not allow them", request: { tokenIds: true }, code: 7 },
    { title: "a share below 0", request: { sample: -0.5 }, code: 3 },
    { title: "a share above 1", request: { sample: 1.5 }, code: 3 },
    { title: "no share", request: { sample: Number.NaN }, code: 3 },
  ];
  for (const { title, request, code } of faults) {
    it(`refuses ${title}`, async () => {
      const { client } = await openAdmin({ recordings: { feeds: openFeeds().feeds, keepsPrompts: false } });
      expect(await codeOf(client.watchDecisions(request))).toBe(code);
    });
  }

  it("allows prompts to whom the operator allows them", async () => {
    const { client } = await openAdmin({ recordings: { feeds: openFeeds().feeds, keepsPrompts: true } });
    expect(await codeOf(client.watchDecisions({ promptText: true, tokenIds: true }))).toBeUndefined();
  });

  it("refuses more recordings at once than a few", async () => {
    const { feeds } = openFeeds();
    const { client } = await openAdmin({ recordings: { feeds, keepsPrompts: false } });
    for (let i = 0; i < maxFeeds; i++) feeds.open({ sample: 1, promptText: false, tokenIds: false });
    expect(await codeOf(client.watchDecisions({}))).toBe(8);
  });

  it("sends a header, the table, and decisions up to the limit; then nobody listens any more", async () => {
    const { feeds, make } = openFeeds();
    const { client } = await openAdmin({ recordings: { feeds, keepsPrompts: false } });
    const cases: (string | undefined)[] = [];
    for await (const { records, dropped } of client.watchDecisions({ limit: 2 })) {
      cases.push(...records.map(({ entry }) => entry.case));
      expect(dropped).toBe(0);
      if (cases.length === 2) for (const id of ["d1", "d2", "d3"]) await make(id);
    }
    expect(cases).toEqual(["header", "snapshot", "facts", "decision", "facts", "decision"]);
    expect(feeds.recorder).toBeUndefined();
  });

  it("hears no more once its caller has gone", async () => {
    const { feeds } = openFeeds();
    const { client } = await openAdmin({ recordings: { feeds, keepsPrompts: false } });
    const gone = new AbortController();
    const reading = (async () => {
      for await (const _ of client.watchDecisions({}, { signal: gone.signal })) gone.abort();
    })();
    await expect(reading).rejects.toThrow("aborted");
    await expect.poll(() => feeds.recorder, { timeout: 10_000 }).toBeUndefined();
  });
});
