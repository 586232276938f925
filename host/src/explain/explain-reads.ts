import { defaultBlockSizeTokens } from "@outrider/core";
import { columnKeys, dataKeys, type KeySpec, type Need, needKeys, policyKeys } from "@outrider/core/contract";
import type { HostConfig } from "../config/types.ts";
import { eventNeedsOf } from "../scheduling/event-needs.ts";
import { toObservation } from "../scheduling/observation.ts";
import type { Reader } from "./readers.ts";
import type { ExplainedPage, ExplainedRead, Explanation } from "./types.ts";

/** A read and where its value comes from. */
export interface SourcedRead extends ExplainedRead {
  readonly source: KeySpec["source"] | "request";
  /** Names that are read of sets, labels or headers; empty = all, or it has none. */
  readonly names: readonly string[];
}

const columns: Readonly<Record<string, KeySpec>> = { ...columnKeys, ...dataKeys };
const facts: Readonly<Record<string, { readonly about: string }>> = { ...needKeys, ...policyKeys };

/** Facts that only a parsed prompt tells. */
const promptKeys: ReadonlySet<string> = new Set([
  "request.prompt_text",
  "request.token_ids",
  "request.block_hashes",
  "request.multimodal",
]);

/** Columns that are exact only where responses are seen. */
const inflightPrefix = "inflight_";

/** What is read, a key each, with all who ask for it. */
export function explainReads(readers: readonly Reader[]): readonly SourcedRead[] {
  const asked = readers.flatMap(({ name, needs }) => needs.map((need) => ({ name, need })));
  return [...Map.groupBy(asked, ({ need }) => need.key)].map(([key, asks]) => {
    const needs = asks.map(({ need }) => need);
    const because = [...new Set(asks.map(({ name }) => name))];
    const names = needs.every((need) => need.names !== undefined) ? needs.flatMap((need) => need.names ?? []) : [];
    const source = key === "endpoint.sets" ? "scraped" : (columns[key]?.source ?? "request");
    return { key, source, says: wordRead(key, needs), because, names: [...new Set(names)] };
  });
}

function wordRead(key: string, needs: readonly Need[]): string {
  const about = columns[key]?.about ?? facts[key]?.about ?? "Named by whoever asks for it.";
  if (key !== "request.block_hashes") return about;
  const sizes = new Set(needs.map(({ blockSizeTokens }) => blockSizeTokens ?? defaultBlockSizeTokens));
  return `${about} Tokens a block: ${[...sizes].join(", ")}.`;
}

/** Whether only a parsed prompt tells it. */
export function isOfPrompt({ key }: ExplainedRead): boolean {
  return promptKeys.has(key);
}

/** The same reads, as they are told. */
export function withoutSource(reads: readonly SourcedRead[]): readonly ExplainedRead[] {
  return reads.map(({ key, says, names, because }) => ({
    key,
    says: names.length === 0 ? says : `${says} Of these: ${names.join(", ")}.`,
    because,
  }));
}

/** How much of responses is seen, and who has asked for it. */
export function explainObservation(
  { responses, readsInflight, requests: { reporters, screeners, referenceMetrics } }: HostConfig,
  readers: readonly Reader[],
): Pick<Explanation, "observation" | "observers"> {
  const needs = readers.flatMap((reader) => reader.needs);
  const isRead = readsInflight || reporters.length > 0 || referenceMetrics;
  const seen = toObservation(responses, eventNeedsOf(needs), isRead);
  const observation = seen === "none" && screeners.length > 0 ? "headers" : seen;
  const asking = readers.filter((reader) => reader.needs.some(isOfResponse)).map(({ name }) => name);
  const others = [...reporters, ...screeners, ...(referenceMetrics ? ["referenceMetrics"] : [])];
  return { observation, observers: responses === "auto" ? [...asking, ...others] : [] };
}

function isOfResponse({ key }: Need): boolean {
  return (key.startsWith("events.") && key !== "events.picked") || key.startsWith(inflightPrefix);
}

/** Sets of an endpoint that its list of models tells; its metrics tell the others. */
const listedSets: ReadonlySet<string> = new Set(["models", "adapters", "adapter_bases"]);

/** Pages that are fetched of every endpoint, and what for. */
export function explainPages({ dataLayer }: HostConfig, reads: readonly SourcedRead[]): readonly ExplainedPage[] {
  const scraped = reads.filter(({ source }) => source === "scraped");
  const listed = scraped.flatMap((read) => ofSets(read, (name) => listedSets.has(name)));
  const measured = scraped.flatMap((read) => ofSets(read, (name) => !listedSets.has(name)));
  const pages = [
    { what: "metrics", page: dataLayer.metrics, of: measured },
    { what: "models", page: dataLayer.models, of: listed.filter(({ key }) => key === "endpoint.sets") },
  ] as const;
  return pages.flatMap(({ what, page, of }) =>
    page === undefined ? [] : [{ what, ...page, reads: withoutSource(of) }],
  );
}

/** The part of a read that is about certain sets; a read of no set as it is. */
function ofSets(read: SourcedRead, isWanted: (set: string) => boolean): readonly SourcedRead[] {
  if (read.key !== "endpoint.sets" || read.names.length === 0) return [read];
  const names = read.names.filter(isWanted);
  return names.length === 0 ? [] : [{ ...read, names }];
}
