import { create, fromBinary, type MessageInitShape } from "@bufbuild/protobuf";
import type { EndpointSnapshot, Plan } from "@outrider/core";
import { columnKeys, dataKeys } from "@outrider/core/contract";
import { type Record as RecordEntry, RecordSchema } from "@outrider/protos/record";
import { type PushStateRequest, type ScoreBatch, SessionRequestSchema } from "@outrider/protos/scorer";
import { encodeStateStep, frameHeaderBytes, type StateGrants, toWireEvent } from "@outrider/transport";
import { type ColumnNumbers, createColumnNumbers } from "./column-numbers.ts";
import type { FeedEntry, KeptFacts, SentFrame } from "./feed-entry.ts";
import { toDecision } from "./to-decision.ts";

/** Writes entries of one recording out, in order. */
export interface EntryWriter {
  /** @returns the records that it comes to. */
  write(entry: FeedEntry): readonly RecordEntry[];
}

type EntryInit = Exclude<MessageInitShape<typeof RecordSchema>["entry"], undefined>;

/** Nothing is written yet: the first entry is a `start`. */
export function createEntryWriter(): EntryWriter {
  let numbers = createColumnNumbers();
  let before: EndpointSnapshot | undefined;
  const writeSnapshot = (after: EndpointSnapshot): RecordEntry => {
    const table = toStep(before, after, numbers);
    before = after;
    return toRecord({ case: "snapshot", value: { table, ready: toReadyBitmap(after) } });
  };
  return {
    write(entry) {
      switch (entry.kind) {
        case "start": {
          const { header, snapshot, plan } = entry;
          numbers = numberAll(snapshot, plan);
          before = undefined;
          const started = toRecord({ case: "header", value: { ...header, columns: numbers.columns() } });
          return [started, writeSnapshot(snapshot)];
        }
        case "snapshot":
          return [writeSnapshot(entry.snapshot)];
        case "begun":
          return [toRecord({ case: "facts", value: toFacts(entry.decisionId, entry.facts) })];
        case "resumed":
          return [toRecord({ case: "step", value: { decisionId: entry.decisionId } })];
        case "made": {
          const { record, circumstances, inflight } = entry;
          const whole = inflight === undefined ? record : { ...record, inflight };
          return [toRecord({ case: "decision", value: toDecision(whole, circumstances, numbers) })];
        }
        case "told": {
          const event = toWireEvent({ instance: 0, event: { ...entry.event, callId: 0 } });
          return [toRecord({ case: "feedback", value: { decisionId: entry.decisionId, event } })];
        }
        case "sent":
          return toFrame(entry.frame);
      }
    },
  };
}

function toRecord(entry: EntryInit): RecordEntry {
  return create(RecordSchema, { entry });
}

/** Numbers for all keys that decisions by a plan may name; they stand in the header, so that none comes later. */
function numberAll({ columns }: EndpointSnapshot, plan: Plan | undefined): ColumnNumbers {
  const numbers = createColumnNumbers();
  const produced = (plan?.waves ?? []).flat().flatMap(({ producer }) => producer.produces);
  for (const key of [...columns.keys, ...Object.keys(columnKeys), ...Object.keys(dataKeys), ...produced])
    numbers.of(key);
  return numbers;
}

/** The whole step in one message. @param before `undefined` = the whole table. */
function toStep(before: EndpointSnapshot | undefined, after: EndpointSnapshot, numbers: ColumnNumbers) {
  const columns = after.columns.keys.map((key) => ({ id: numbers.of(key), key }));
  const grants: StateGrants = { columns, inflight: [], label: () => true, set: () => true };
  const { frames } = encodeStateStep({ epoch: after.epoch, before, after, grants });
  const [first, ...others] = frames.map(toChunk);
  const step: PushStateRequest = { ...first!, more: false };
  for (const { upserts, removedSlots, columns: values } of others) {
    step.upserts.push(...upserts);
    step.removedSlots.push(...removedSlots);
    step.columns.push(...values);
  }
  return step;
}

function toChunk(frame: Uint8Array): PushStateRequest {
  const message = fromBinary(SessionRequestSchema, frame.subarray(frameHeaderBytes));
  if (message.frame.case !== "state") throw new Error(`a frame ${message.frame.case} is no state`);
  return message.frame.value;
}

function toReadyBitmap({ ready }: EndpointSnapshot): Uint8Array<ArrayBuffer> {
  const bitmap = new Uint8Array(Math.ceil(ready.length / 8));
  for (let slot = 0; slot < ready.length; slot++) if (ready[slot] === 1) bitmap[slot >> 3]! |= 1 << (slot & 7);
  return bitmap;
}

/** A frame without what calls say of requests: in which order a plugin hears of what is all that it tells. */
function toFrame({ process, generation, atMs, message }: SentFrame): readonly RecordEntry[] {
  const { frame } = fromBinary(SessionRequestSchema, message);
  const sent = frame.case === "feedback" ? frame : frame.case === "score" ? toCalls(frame.value) : noHello;
  return [
    toRecord({ case: "frame", value: { process, generation, atMs, frame: { case: "sent", value: { frame: sent } } } }),
  ];
}

const noHello = { case: "hello", value: {} } as const;

function toCalls({ calls }: ScoreBatch) {
  const value = { calls: calls.map(({ callId, instance }) => ({ callId, instance })) };
  return { case: "score", value } as const;
}

function toFacts(decisionId: string, { blockHashes, blockSizeTokens, promptText, tokenIds, pins }: KeptFacts) {
  return {
    decisionId,
    facts: {
      blockHashesU64le: toBytes(blockHashes),
      blockSize: blockSizeTokens,
      promptText,
      tokenIdsU32le: toBytes(tokenIds),
    },
    pins: Array.from(pins ?? [], ([profile, slot]) => ({ profile, slot })),
  };
}

/** Words in the order of their bytes here, little-endian on every machine that Node runs on. */
function toBytes(words: Uint32Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(words.slice().buffer);
}
