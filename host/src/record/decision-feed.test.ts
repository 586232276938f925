import { sizeDelimitedEncode } from "@bufbuild/protobuf/wire";
import {
  createEndpointTable,
  createRequestFacts,
  type EndpointTable,
  type HostFacts,
  toFactNeeds,
} from "@outrider/core";
import { type Record as RecordEntry, RecordSchema } from "@outrider/protos/record";
import { describe, expect, it } from "vitest";
import type { BegunDecision } from "../scheduling/recorder.ts";
import { type FeedWishes, type OpenFeed, openDecisionFeed } from "./decision-feed.ts";
import { createDecisionFeeds, maxFeeds } from "./decision-feeds.ts";
import { config, decide, plan } from "./fixtures/decide.ts";
import { toHeader } from "./recording-header.ts";

const all: FeedWishes = { sample: 1, promptText: false, tokenIds: false };
const needs = toFactNeeds([{ key: "request.block_hashes" }, { key: "request.prompt_text" }]);
const secret = "secret words ".repeat(100);

interface Scene {
  readonly table: EndpointTable;
  readonly feed: OpenFeed;
  begin(id: string, change?: Partial<BegunDecision>): ReturnType<OpenFeed["recorder"]["begin"]>;
}

function openScene(wishes: Partial<FeedWishes> = {}, limitBytes?: number): Scene {
  const table = createEndpointTable({ epoch: 9 });
  table.setReady(table.upsert({ id: "default/a", address: "10.0.0.2:8000", labels: { zone: "x" } }), true);
  table.publish(1_000);
  const parts = {
    table,
    plan: () => plan,
    header: () => toHeader(config.source, 3, table.current),
    decided: () => 7,
    overhear: () => () => {},
  };
  const feed = openDecisionFeed(parts, { ...all, ...wishes }, limitBytes);
  const begin = (decisionId: string, change: Partial<BegunDecision> = {}) =>
    feed.recorder.begin({
      decisionId,
      facts: toFacts(decisionId),
      snapshot: table.current,
      plan,
      candidates: Uint32Array.of(0),
      inflight: table.inflight,
      seed: 1,
      ...change,
    });
  return { table, feed, begin };
}

function toFacts(requestId: string): HostFacts {
  const body = [Buffer.from(JSON.stringify({ model: "m", prompt: secret }))];
  const facts = createRequestFacts({ path: "/v1/completions", header: () => undefined, body }, requestId, { needs });
  facts.prepare();
  return facts;
}

/** What is in a feed up to now, as it is on the wire. */
async function drain({ feed }: Pick<Scene, "feed">): Promise<readonly RecordEntry["entry"][]> {
  const entries: RecordEntry["entry"][] = [];
  const seen = new Promise<undefined>((resolve) => setImmediate(() => resolve(undefined)));
  for (;;) {
    const next = await Promise.race([feed.next(), seen]);
    if (next === undefined || next.length === 0) return entries;
    entries.push(...next.map(({ entry }) => entry));
  }
}

const casesOf = (entries: readonly RecordEntry["entry"][]) => entries.map((entry) => entry.case);
const picked = { kind: "picked", callId: 5, slot: 0, atMs: 9, ownScore: Number.NaN, totalScore: 2 } as const;

describe("a feed of decisions whose reader is slow", () => {
  it("misses entries, counts them, and starts anew with the whole table", async () => {
    const { table, feed, begin } = openScene({}, 8_000);
    const watches = Array.from({ length: 40 }, (_, i) => begin(`d${i}`));
    expect(watches.filter((watch) => watch === undefined)).toEqual([]);
    const early = await feed.next();
    expect(casesOf(early.map(({ entry }) => entry)).slice(0, 3)).toEqual(["header", "snapshot", "facts"]);
    table.setValue(0, "waiting_requests", 3, 1_500);
    table.publish(2_000);
    const later = await drain({ feed });
    const at = later.findIndex((entry) => entry.case === "header");
    expect(later[at]).toMatchObject({ value: { decidedBefore: 7, dropped: feed.dropped } });
    expect(later[at + 1]).toMatchObject({ case: "snapshot", value: { table: { full: true, fromRev: 0, toRev: 2 } } });
    expect(feed.dropped).toBeGreaterThan(0);
    expect(early.length - 2 + at + feed.dropped).toBe(40);
  });

  it("tells nothing more of decisions that began before it started anew", async () => {
    const scene = openScene({}, 8_000);
    const [first] = Array.from({ length: 40 }, (_, i) => scene.begin(`d${i}`));
    await drain(scene);
    const missed = scene.feed.dropped;
    first?.made(await decide("d0"), { door: "gateway", plan, refusal: undefined });
    first?.told({ ...picked, fallback: false, promptTokens: 1, picks: [] });
    scene.begin("new");
    expect(casesOf(await drain(scene))).toEqual(["facts"]);
    expect(scene.feed.dropped).toBe(missed + 2);
  });
});

describe("a feed of decisions", () => {
  it("has what they are made from in front of them, in the order of what happened", async () => {
    const scene = openScene();
    const watch = scene.begin("d1");
    scene.table.setValue(0, "waiting_requests", 3, 1_500);
    scene.table.publish(2_000);
    scene.begin("d2");
    watch?.resumed();
    watch?.made(await decide("d1"), { door: "gateway", plan, refusal: undefined });
    watch?.told({ ...picked, fallback: false, promptTokens: 1, picks: [] });
    const entries = await drain(scene);
    expect(casesOf(entries)).toEqual([
      ...["header", "snapshot", "facts", "snapshot", "facts", "step", "decision", "feedback"],
    ]);
    expect(entries[0]).toMatchObject({ value: { format: "outrider.record.v1", generation: 3, decidedBefore: 7 } });
    expect(entries[3]).toMatchObject({ value: { table: { full: false, fromRev: 1, toRev: 2, nowMs: 2_000 } } });
    expect(entries[7]).toMatchObject({ value: { decisionId: "d1", plugin: "", event: { callId: 0, slot: 0 } } });
  });

  it("has no step of the table that nobody decided on, unless endpoints come or go with it", async () => {
    const { table, feed } = openScene();
    table.setValue(0, "waiting_requests", 3, 1_500);
    table.publish(2_000);
    table.upsert({ id: "default/b", address: "10.0.0.3:8000", labels: {} });
    table.publish(3_000);
    const entries = await drain({ feed });
    expect(casesOf(entries)).toEqual(["header", "snapshot", "snapshot"]);
    expect(entries[2]).toMatchObject({ value: { table: { fromRev: 1, toRev: 3, upserts: [{ id: "default/b" }] } } });
  });

  it("numbers all columns that decisions name in its header", async () => {
    const scene = openScene();
    scene.begin("d1")?.made(await decide("d1"), { door: "gateway", plan, refusal: undefined });
    const entries = await drain(scene);
    const [header] = entries;
    const known = header?.case === "header" ? header.value.columns.map(({ id }) => id) : [];
    const made = entries.find((entry) => entry.case === "decision");
    const { inflight = [], producers = [] } = made?.case === "decision" ? made.value : {};
    const named = [...inflight, ...producers.flatMap(({ values }) => values)].map(({ column }) => column);
    expect(named.length).toBeGreaterThan(3);
    expect(named.filter((id) => !known.includes(id))).toEqual([]);
  });

  it("keeps the counts in flight where the plan does not read them", async () => {
    const scene = openScene();
    const inflight = {
      requests: Float32Array.of(4, 5),
      promptTokens: Float32Array.of(6, 7),
      outputTokens: new Float32Array(2),
    };
    const watch = scene.begin("d1", { plan: { ...plan, readsInflight: false }, inflight });
    const none = new Float32Array(0);
    const record = { ...(await decide("d1")), inflight: { requests: none, promptTokens: none, outputTokens: none } };
    inflight.requests[0] = 99;
    watch?.made({ ...record, candidates: Uint32Array.of(0) }, { door: "gateway", plan, refusal: undefined });
    const entries = await drain(scene);
    expect(entries.at(-1)).toMatchObject({ value: { inflight: [{ values: [4] }, { values: [6] }, { values: [0] }] } });
  });

  it("starts anew under another configuration", async () => {
    const { feed, begin } = openScene();
    begin("d1");
    begin("d2", { plan: { ...plan, generation: 4 } });
    const cases = casesOf(await drain({ feed }));
    expect(cases).toEqual(["header", "snapshot", "facts", "header", "snapshot", "facts"]);
  });

  const shares = [
    { sample: 1, kept: 1_000 },
    { sample: 0.25, kept: 250 },
  ];
  for (const { sample, kept } of shares) {
    it(`keeps the share ${sample} of them`, () => {
      const { begin } = openScene({ sample });
      const seeds = Array.from({ length: 1_000 }, (_, i) => Math.floor((i / 1_000) * 2 ** 32));
      expect(seeds.filter((seed) => begin(`d${seed}`, { seed }) !== undefined)).toHaveLength(kept);
    });
  }

  const wishes = [
    { title: "has nothing of a prompt but its hashes", wish: {}, has: false },
    { title: "has the prompt where it was wished for", wish: { promptText: true }, has: true },
  ];
  for (const { title, wish, has } of wishes) {
    it(title, async () => {
      const { feed, begin } = openScene(wish);
      begin("d1");
      const records = await feed.next();
      const bytes = Buffer.concat(records.map((record) => sizeDelimitedEncode(RecordSchema, record)));
      expect(bytes.includes("secret words")).toBe(has);
      const { entry } = records.at(-1)!;
      expect(entry.case === "facts" && entry.value.facts?.blockHashesU64le.length).toBeGreaterThan(0);
    });
  }

  it("ends what waits for it", async () => {
    const { feed } = openScene();
    await feed.next();
    const waiting = feed.next();
    feed.end();
    expect(await waiting).toEqual([]);
  });
});

describe("feeds of one host", () => {
  const table = createEndpointTable({ epoch: 9 });
  const parts = {
    table,
    plan: () => plan,
    header: () => toHeader(config.source, 3, table.current),
    decided: () => 0,
    overhear: () => () => {},
  };

  it("are no more than a few, and nobody is told of decisions where there is none", () => {
    const feeds = createDecisionFeeds(parts);
    expect(feeds.recorder).toBeUndefined();
    const open = Array.from({ length: maxFeeds }, () => feeds.open(all));
    expect(feeds.open(all)).toBeUndefined();
    for (const feed of open) feed?.end();
    expect(feeds.recorder).toBeUndefined();
    expect(feeds.open(all)).toBeDefined();
  });

  it("hear all of the same decisions", async () => {
    const feeds = createDecisionFeeds(parts);
    const [one, other] = [feeds.open(all), feeds.open(all)];
    const { current: snapshot, inflight } = table;
    const candidates = Uint32Array.of(0);
    feeds.recorder
      ?.begin({ decisionId: "d", facts: toFacts("d"), snapshot, plan, candidates, inflight, seed: 1 })
      ?.resumed();
    for (const feed of [one, other]) {
      const records = (await feed?.next()) ?? [];
      expect(casesOf(records.map(({ entry }) => entry))).toEqual(["header", "snapshot", "facts", "step"]);
    }
  });
});
