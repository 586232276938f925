import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fromBinary, toJson } from "@bufbuild/protobuf";
import { columnKeys, dataKeys, type FeedbackEvent, type Need, type NeedKey, needKeys } from "@outrider/core/contract";
import { SessionRequestSchema } from "@outrider/protos/scorer";
import { fakeCall } from "@outrider/transport/testing";
import { afterEach, describe, expect, it } from "vitest";
import { createTestHost, plugin } from "./fixtures/harness.ts";
import { serveSession } from "./fixtures/serve-session.ts";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** What every plugin sees of a request. */
const always = ["request.model", "request.promptTokens"];

/** What a need opens, besides. Events of any kind come with `done`. */
const opens: Readonly<Record<keyof typeof needKeys, readonly string[]>> = {
  "request.model": [],
  "request.prompt_tokens": [],
  "endpoint.labels": ["labels.zone"],
  "endpoint.sets": ["sets.models"],
  "request.session_key": ["request.sessionKey"],
  "request.pinned_slot": ["request.pinnedSlotPlus1"],
  "request.fairness_id": ["request.fairnessId"],
  "request.priority": ["request.priority"],
  "request.objective": ["request.objective"],
  "request.lora": ["request.lora"],
  "request.max_output_tokens": ["request.maxOutputTokens"],
  "request.stream": ["request.stream"],
  "request.slo": ["request.sloTpotMs", "request.sloTtftMs"],
  "events.picked": ["event.done", "event.picked"],
  "events.progress": ["event.done", "event.progress"],
  "events.done": ["event.done"],
  // It comes beside `request.block_hashes` alone.
  "events.answer_blocks": [],
  "request.headers": ["request.headers.x-tenant"],
  "request.prompt_text": ["request.promptText"],
  "request.token_ids": ["request.tokenIdsU32le"],
  "request.block_hashes": ["request.blockHashesU64le", "request.blockSize"],
  "request.id": ["request.requestId"],
  "events.headers": ["event.done", "event.headers", "event.headers.x-served-by"],
  veto: [],
};

const names: Readonly<Record<string, readonly string[]>> = {
  "endpoint.labels": ["zone"],
  "endpoint.sets": ["models"],
  "request.headers": ["x-tenant"],
  "events.headers": ["x-served-by"],
};

describe("frames to a plugin", { timeout: 30_000 }, () => {
  it("hold nothing but what is always granted where it asks for nothing", async () => {
    expect(await exposed([], [])).toEqual(always);
  });

  const operators = Object.entries(needKeys).filter(([, { grant }]) => grant === "operator");
  it("hold nothing more where it asks for everything that only the operator grants", async () => {
    const asked = operators.map(([key]) => toNeed(key as NeedKey));
    expect(await exposed(asked, [])).toEqual(always);
  });

  for (const [key, { grant }] of Object.entries(needKeys)) {
    it(`hold what ${key} opens, and only that, where it is granted`, async () => {
      const need = toNeed(key as NeedKey);
      const want = opens[key as keyof typeof needKeys];
      expect(await exposed([need], grant === "operator" ? [need] : [])).toEqual([...always, ...want].toSorted());
    });
  }

  const columns = [...Object.keys(columnKeys), "metric.depth", "rate.tokens"];
  for (const key of columns) {
    it(`hold the column ${key}, and no other, where it is granted`, async () => {
      expect(await exposed([{ key: key as NeedKey }], [])).toEqual([`column.${key}`, ...always]);
    });
  }

  for (const key of Object.keys(dataKeys)) {
    it(`hold ${key}, and no other data, where it is granted`, async () => {
      expect(await exposed([{ key: key as NeedKey }], [])).toEqual([key, ...always].toSorted());
    });
  }

  it("hold hashes of answers where those of prompts are granted too", async () => {
    const asked = [toNeed("events.answer_blocks"), toNeed("request.block_hashes")];
    const want = [...always, ...opens["request.block_hashes"], "event.done", "event.done.blockHashes"].toSorted();
    expect(await exposed(asked, asked.slice(1))).toEqual(want);
  });

  it("hold everything where everything is granted", async () => {
    const all = Object.keys(needKeys).map((key) => toNeed(key as NeedKey));
    const opened = [...Object.values(opens).flat(), "event.done.blockHashes"];
    const want = [...new Set([...always, ...opened])].toSorted();
    expect(await exposed(all, all)).toEqual(want);
  });
});

function toNeed(key: NeedKey): Need {
  return names[key] === undefined ? { key } : { key, names: names[key] };
}

/** What the frames of one request show to a plugin, from the first hello to the last event. */
async function exposed(asked: readonly Need[], grant: readonly Need[]): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), "outrider-"));
  cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
  const needs = asked.map(({ key, names: wanted = [] }) => ({ key, names: [...wanted] }));
  cleanups.push(await serveSession(join(folder, "s"), { plugin: "p", scorers: [{ type: "slots", needs }] }));
  const processes = [{ name: "team", kind: "url", url: `unix:${join(folder, "s")}`, env: {} }] as const;
  const host = await createTestHost({ specs: [plugin("mine", { placement: "remote", grant })], processes }, 0);
  cleanups.push(() => host.close());
  fill(host.table);
  host.publish();
  const shown = new Set<string>();
  const keys = new Map<number, string>();
  host.runtime.tap(({ direction, message }) => {
    if (direction === "sent") note(fromBinary(SessionRequestSchema, Uint8Array.from(message)), shown, keys);
  });
  await host.runtime.start(10_000);
  const scorer = host.runtime.scorer("mine");
  const slots = host.table.current.slotCount;
  const busy = () => new Float32Array(slots).fill(7);
  const call = fakeCall({
    pool: host.table.current,
    callId: 1,
    request: facts,
    data: Object.fromEntries(Object.keys(dataKeys).map((key) => [key, [1, 2]])),
    inflight: { requests: busy(), promptTokens: busy(), outputTokens: busy() },
  });
  void Promise.resolve(scorer.score(call, new Float32Array(2))).catch(() => {});
  for (const event of events) scorer.feedback?.(event);
  await host.runtime.stop();
  return [...shown].toSorted();
}

function fill(table: Awaited<ReturnType<typeof createTestHost>>["table"]): void {
  for (let i = 0; i < 2; i += 1) {
    const labels = { zone: "a", "secret-label": "s" };
    const sets = { models: ["m"], adapters_running: ["a"] };
    const slot = table.upsert({ id: `vllm-${i}`, address: `10.0.0.${i + 1}:8000`, labels, sets } as never);
    for (const key of [...Object.keys(columnKeys), "metric.depth", "rate.tokens"]) {
      if (!key.startsWith("inflight")) table.setValue(slot, key, 3, Date.now());
    }
    table.setReady(slot, true);
  }
}

const facts = {
  model: "m",
  promptTokens: 10,
  lora: "adapter",
  priority: 4,
  objective: "gold",
  fairnessId: "tenant",
  sessionKey: "session",
  pinnedSlot: 1,
  promptText: "the prompt",
  tokenIds: Uint32Array.of(1, 2),
  blockHashes: Uint32Array.of(3, 4),
  blockSizeTokens: 64,
  headers: { "x-tenant": "t", cookie: "c" },
  maxOutputTokens: 9,
  stream: true,
  requestId: "id-1",
  sloTtftMs: 11,
  sloTpotMs: 12,
};

const common = { callId: 1, slot: 0, atMs: 1 };
const events: readonly FeedbackEvent[] = [
  { kind: "picked", ...common, ownScore: 1, totalScore: 1, fallback: false, promptTokens: 10, picks: [] },
  { kind: "headers", ...common, status: 200, ttfbUs: 1, headers: { "x-served-by": "a", "set-cookie": "c" } },
  { kind: "progress", ...common, chunks: 1, outputTokens: 1, elapsedMs: 1 },
  {
    kind: "done",
    ...common,
    cause: "ok",
    status: 200,
    promptTokens: 1,
    cachedTokens: 1,
    outputTokens: 1,
    ttftUs: 1,
    e2eMs: 1,
    blockHashes: Uint32Array.of(5, 6),
  },
];

/** Adds what one frame shows. */
function note(
  request: Parameters<typeof toJson<typeof SessionRequestSchema>>[1],
  shown: Set<string>,
  keys: Map<number, string>,
): void {
  const { frame } = request;
  const columnsOf = (columns: readonly { column: number }[]) => {
    for (const { column } of columns) shown.add(`column.${keys.get(column) ?? column}`);
  };
  if (frame.case === "configure") {
    for (const { id, key } of frame.value.columns) keys.set(id, key);
    for (const { id, key } of frame.value.instances.flatMap(({ data }) => data)) keys.set(id, key);
  }
  if (frame.case === "state") {
    columnsOf(frame.value.columns);
    for (const { labels, sets } of frame.value.upserts) {
      for (const name of Object.keys(labels)) shown.add(`labels.${name}`);
      for (const name of Object.keys(sets)) shown.add(`sets.${name}`);
    }
  }
  if (frame.case === "score") {
    columnsOf(frame.value.inflight);
    for (const { data } of frame.value.calls) for (const { column } of data) shown.add(keys.get(column) ?? `${column}`);
  }
  const json = toJson(SessionRequestSchema, request) as { score?: Calls; feedback?: Events };
  for (const call of json.score?.calls ?? []) addNames("request", call.request, shown);
  for (const event of json.feedback?.events ?? []) {
    for (const kind of ["picked", "headers", "progress", "done"] as const) {
      if (event[kind] !== undefined) shown.add(`event.${kind}`);
      for (const name of Object.keys(event[kind]?.headers ?? {})) shown.add(`event.${kind}.${name}`);
      if (event[kind]?.blockHashesU64le !== undefined) shown.add(`event.${kind}.blockHashes`);
    }
  }
}

interface Calls {
  readonly calls: readonly { readonly request: Readonly<Record<string, unknown>> }[];
}

interface Events {
  readonly events: readonly { readonly [kind in FeedbackEvent["kind"]]?: ShownEvent }[];
}

interface ShownEvent {
  readonly headers?: object;
  readonly blockHashesU64le?: string;
}

function addNames(prefix: string, fields: Readonly<Record<string, unknown>>, shown: Set<string>): void {
  for (const [name, value] of Object.entries(fields)) {
    if (name !== "headers") shown.add(`${prefix}.${name}`);
    else for (const header of Object.keys(value as object)) shown.add(`${prefix}.headers.${header}`);
  }
}
