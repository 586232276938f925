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
  return [...Map.groupBy(asked, ({ need }) => need.key)].map(([key, asks]) => ({
    key,
    source: columns[key]?.source ?? "request",
    says: wordRead(
      key,
      asks.map(({ need }) => need),
    ),
    because: [...new Set(asks.map(({ name }) => name))],
  }));
}

function wordRead(key: string, needs: readonly Need[]): string {
  const about = columns[key]?.about ?? facts[key]?.about ?? "Named by whoever asks for it.";
  const names = [...new Set(needs.flatMap((need) => need.names ?? []))];
  if (names.length > 0) return `${about} Of these: ${names.join(", ")}.`;
  if (key !== "request.block_hashes") return about;
  const sizes = new Set(needs.map(({ blockSizeTokens }) => blockSizeTokens ?? defaultBlockSizeTokens));
  return `${about} Tokens a block: ${[...sizes].join(", ")}.`;
}

/** Whether some read needs the prompt parsed. */
export function parsesPrompt(reads: readonly ExplainedRead[]): boolean {
  return reads.some(({ key }) => promptKeys.has(key));
}

/** How much of responses is seen, and who has asked for it. */
export function explainObservation(
  { responses, readsInflight }: HostConfig,
  readers: readonly Reader[],
): Pick<Explanation, "observation" | "observers"> {
  const observation = toObservation(responses, eventNeedsOf(readers.flatMap(({ needs }) => needs)), readsInflight);
  const isHeard = ({ key }: Need) =>
    (key.startsWith("events.") && key !== "events.picked") || key.startsWith(inflightPrefix);
  const observers = readers.filter(({ needs }) => needs.some(isHeard)).map(({ name }) => name);
  return { observation, observers: responses === "auto" ? observers : [] };
}

/** Pages that are fetched of every endpoint, and what for. */
export function explainPages({ dataLayer }: HostConfig, reads: readonly SourcedRead[]): readonly ExplainedPage[] {
  const isOfModels = ({ key }: ExplainedRead) => key === "endpoint.sets";
  const withoutSource = (wanted: readonly SourcedRead[]) => wanted.map(({ source: _, ...read }) => read);
  const scraped = reads.filter((read) => read.source === "scraped" || isOfModels(read));
  const pages = [
    { what: "metrics", page: dataLayer.metrics, of: scraped },
    { what: "models", page: dataLayer.models, of: reads.filter(isOfModels) },
  ] as const;
  return pages.flatMap(({ what, page, of }) =>
    page === undefined ? [] : [{ what, ...page, reads: withoutSource(of) }],
  );
}
