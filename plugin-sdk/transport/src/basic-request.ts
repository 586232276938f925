import type { CycleCall, EndpointInfo, Need, RequestFacts } from "@outrider/core/contract";
import { columnKeys } from "@outrider/core/contract";
import { type FactGrants, toFactGrants } from "./fact-grants.ts";

/** What a basic plugin may see, ready for its calls. */
export interface BasicView {
  /** Facts of the request. */
  readonly facts: FactGrants;
  /** Columns that travel in `metrics`. */
  readonly columns: readonly string[];
  /** Data that travels in `metrics`, too. */
  readonly data: readonly string[];
  /** Names of labels that are sent; `undefined` = all. */
  readonly labels: ReadonlySet<string> | undefined;
  /** Names of sets that are sent; `undefined` = all. */
  readonly sets: ReadonlySet<string> | undefined;
  /** Whether its vetoes count. */
  readonly mayVeto: boolean;
  /** What never changes of an endpoint, as JSON members. */
  readonly written: WeakMap<EndpointInfo, string>;
}

/** A call as JSON. */
export interface BasicRequest {
  /** Candidate of each endpoint in the request, by position. */
  readonly positions: readonly number[];
  /** The whole message. */
  readonly json: string;
}

/** Sorts what was granted. */
export function toBasicView(granted: readonly Need[]): BasicView {
  const keys = granted.map(({ key }) => key as string);
  return {
    facts: toFactGrants(granted),
    columns: keys.filter(isColumn),
    data: keys.filter((key) => key.startsWith("data.")),
    labels: namesOf(granted, "endpoint.labels"),
    sets: namesOf(granted, "endpoint.sets"),
    mayVeto: keys.includes("veto"),
    written: new WeakMap(),
  };
}

function isColumn(key: string): boolean {
  return Object.hasOwn(columnKeys, key) || key.startsWith("metric.") || key.startsWith("rate.");
}

function namesOf(granted: readonly Need[], key: string): ReadonlySet<string> | undefined {
  const need = granted.find((need) => need.key === key);
  if (need === undefined) return new Set();
  return need.names === undefined ? undefined : new Set(need.names);
}

/** A `ScoreRequest` with its endpoints inline; candidates with an unknown value among those granted are left out. */
export function writeBasicRequest(call: CycleCall, view: BasicView): BasicRequest {
  const columns = [
    ...view.columns.map((key) => ({ key: JSON.stringify(key), values: call.columns.get(key), bySlot: true })),
    ...view.data.map((key) => ({ key: JSON.stringify(key), values: call.data.get(key), bySlot: false })),
  ];
  const positions: number[] = [];
  const endpoints: string[] = [];
  call.candidates.forEach((slot, position) => {
    const info = call.endpoints.at(slot);
    const metrics = columns.map(({ key, values, bySlot }) => [key, values[bySlot ? slot : position]] as const);
    if (info === undefined || !metrics.every(([, value]) => Number.isFinite(value))) return;
    const members = metrics.map(([key, value]) => `${key}:${value}`).join(",");
    endpoints.push(`{"slot":${positions.length},${staticMembers(info, view)},"metrics":{${members}}}`);
    positions.push(position);
  });
  return { positions, json: `${head(call, view, positions)},"endpoints":[${endpoints.join(",")}]}` };
}

function staticMembers(info: EndpointInfo, view: BasicView): string {
  const known = view.written.get(info);
  if (known !== undefined) return known;
  const { id, address, incarnation } = info;
  const labels = pick(info.labels, view.labels);
  const sets = Object.fromEntries(
    Object.entries(pick(info.sets, view.sets)).map(([name, values]) => [name, { values }]),
  );
  const members = JSON.stringify({ id, address, labels, sets, incarnation }).slice(1, -1);
  view.written.set(info, members);
  return members;
}

function pick<V>(record: Readonly<Record<string, V>>, names: ReadonlySet<string> | undefined): Record<string, V> {
  return Object.fromEntries(Object.entries(record).filter(([name]) => names === undefined || names.has(name)));
}

/** Everything but the endpoints, without the closing brace. */
function head(call: CycleCall, view: BasicView, positions: readonly number[]): string {
  const { callId, budgetUs, nowMs, seed, profile } = call;
  const peers = call.peers.flatMap((peer) => {
    const slot = positions.findIndex((position) => call.candidates[position] === peer.slot);
    return slot < 0 ? [] : [{ profile: peer.profile, slot }];
  });
  const request = toFactsJson(call.request, view.facts);
  const members = {
    callId: callId >>> 0,
    request,
    budgetUs: Math.floor(budgetUs),
    nowMs,
    seed: seed >>> 0,
    profile,
    peers,
  };
  return JSON.stringify(members).slice(0, -1);
}

function toFactsJson(facts: RequestFacts, grants: FactGrants): object {
  const { promptTextBytes, tokenIds } = grants;
  const headers = Object.fromEntries(grants.headers.flatMap((name) => headerOf(facts, name)));
  return {
    model: facts.model,
    promptTokens: facts.promptTokens,
    ...(grants.lora && { lora: facts.lora }),
    ...(grants.priority && { priority: facts.priority }),
    ...(grants.fairnessId && { fairnessId: facts.fairnessId }),
    ...(grants.sessionKey && { sessionKey: facts.sessionKey }),
    ...(grants.objective && { objective: facts.objective }),
    ...(promptTextBytes > 0 && { promptText: cutText(facts.promptText, promptTextBytes) }),
    ...(tokenIds > 0 && { tokenIdsU32le: toBase64(facts.tokenIds.subarray(0, tokenIds)) }),
    ...(grants.blockHashes && { blockHashesU64le: toBase64(facts.blockHashes), blockSize: facts.blockSizeTokens }),
    ...(grants.headers.length > 0 && { headers }),
    ...(grants.maxOutputTokens && { maxOutputTokens: facts.maxOutputTokens }),
    ...(grants.stream && { stream: facts.stream }),
    ...(grants.requestId && { requestId: facts.requestId }),
    ...(grants.slo && { sloTtftMs: facts.sloTtftMs, sloTpotMs: facts.sloTpotMs }),
  };
}

function headerOf({ headers }: RequestFacts, name: string): [string, string][] {
  const value = headers[name];
  return value === undefined ? [] : [[name, value]];
}

/** At most `maxBytes` of text, cut at a character. */
function cutText(text: string, maxBytes: number): string {
  if (3 * text.length <= maxBytes) return text;
  const bytes = Buffer.alloc(Math.min(maxBytes, 3 * text.length));
  return bytes.toString("utf8", 0, bytes.write(text, "utf8"));
}

function toBase64(words: Uint32Array): string {
  return Buffer.from(words.buffer, words.byteOffset, words.byteLength).toString("base64");
}
