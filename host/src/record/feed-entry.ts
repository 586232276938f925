import type { DecisionRecord, EndpointSnapshot, FeedbackEvent, HostFacts, InflightColumns, Plan } from "@outrider/core";
import type { FrameListener } from "../plugins/types.ts";
import type { DecisionCircumstances } from "../scheduling/decision-ring.ts";
import type { RecordingHeader } from "./recording-header.ts";

/** What a recording keeps of a request's prompt besides its block hashes. */
export interface PromptWishes {
  readonly promptText: boolean;
  readonly tokenIds: boolean;
}

/** Facts of a request that its decision leaves out. */
export interface KeptFacts {
  readonly blockHashes: Uint32Array;
  readonly blockSizeTokens: number;
  /** Empty where it is not wanted, or no plugin was granted it. */
  readonly promptText: string;
  readonly tokenIds: Uint32Array;
  readonly pins: ReadonlyMap<string, number> | undefined;
}

/** Something that a recording is to tell, as it stands in the queue: references alone, written out where it is read. */
export type FeedEntry =
  /** The recording starts, or starts anew. */
  | {
      readonly kind: "start";
      readonly header: RecordingHeader;
      readonly snapshot: EndpointSnapshot;
      readonly plan: Plan | undefined;
    }
  | { readonly kind: "snapshot"; readonly snapshot: EndpointSnapshot }
  | { readonly kind: "begun"; readonly decisionId: string; readonly facts: KeptFacts }
  | { readonly kind: "resumed"; readonly decisionId: string }
  /** `inflight`: counts at its start, where the record has none. */
  | {
      readonly kind: "made";
      readonly record: DecisionRecord;
      readonly circumstances: DecisionCircumstances;
      readonly inflight: InflightColumns | undefined;
    }
  | { readonly kind: "told"; readonly decisionId: string; readonly event: FeedbackEvent }
  /** A message went to a plugin: a hello, calls, or events that were gathered for a while. */
  | { readonly kind: "sent"; readonly frame: SentFrame };

/** A message to a plugin. */
export interface SentFrame {
  readonly process: string;
  readonly generation: number;
  readonly atMs: number;
  /** Encoded `SessionRequest`. */
  readonly message: Uint8Array;
}

/** First bytes of messages that tell in which order a plugin hears of calls and events. */
const orderTags: ReadonlySet<number | undefined> = new Set([0x0a, 0x22, 0x2a]);

/** A copy of a frame that a recording needs; `undefined` for others. */
export function keepFrame({ direction, message, ...frame }: Parameters<FrameListener>[0]): SentFrame | undefined {
  if (direction !== "sent" || !orderTags.has(message[0])) return undefined;
  return { ...frame, message: Uint8Array.from(message) };
}

const noWords = new Uint32Array(0);

/** Takes what is kept of a request that still has its prompt. */
export function keepFacts(facts: HostFacts, { promptText, tokenIds }: PromptWishes): KeptFacts {
  const { blockHashes, blockSizeTokens, pins } = facts;
  return {
    blockHashes,
    blockSizeTokens,
    promptText: promptText ? facts.promptText : "",
    tokenIds: tokenIds ? facts.tokenIds : noWords,
    pins,
  };
}

/** Counts as they are now, of the slots of a snapshot. */
export function keepInflight({ requests, promptTokens, outputTokens }: InflightColumns, slotCount: number) {
  return {
    requests: requests.slice(0, slotCount),
    promptTokens: promptTokens.slice(0, slotCount),
    outputTokens: outputTokens.slice(0, slotCount),
  };
}

/** Memory that a queued entry holds, about, in bytes. */
export function sizeOf(entry: FeedEntry): number {
  switch (entry.kind) {
    case "start":
    case "snapshot":
      return sizeOfSnapshot(entry.snapshot);
    case "begun": {
      const { blockHashes, promptText, tokenIds } = entry.facts;
      return 256 + blockHashes.byteLength + 2 * promptText.length + tokenIds.byteLength;
    }
    case "made":
      return sizeOfRecord(entry.record);
    case "sent":
      return 256 + entry.frame.message.length;
    case "resumed":
    case "told":
      return 256;
  }
}

function sizeOfSnapshot({ columns, slotCount, live }: EndpointSnapshot): number {
  const valueBytes = Float64Array.BYTES_PER_ELEMENT + Float32Array.BYTES_PER_ELEMENT;
  return 1024 + columns.keys.length * slotCount * valueBytes + 512 * live.length;
}

function sizeOfRecord({ candidates, producers, profiles }: DecisionRecord): number {
  let numbers = 4 * candidates.length;
  for (const { values } of producers) numbers += values.length * candidates.length;
  for (const profile of profiles) {
    const rows = profile.scorers.length + profile.shadows.length + profile.filters.length + 3;
    numbers += rows * profile.candidates.length;
  }
  return 2048 + 4 * numbers;
}
