import type { PeerPick, RequestFacts } from "@outrider/core/contract";
import { type FieldReaders, FloatList, fieldReaders, readMessage, violation, WireReader } from "./wire-reader.ts";

/** A `ScoreRequest` of the session profile as it came. */
export interface DecodedCall {
  /** ScoreRequest.call_id. */
  callId: number;
  /** Instance.id. */
  instance: number;
  /** Epoch of the state to evaluate on. */
  epoch: number;
  /** Revision of it, or a later one. */
  rev: number;
  /** Bitmap over slots; empty = all that live. */
  candidates: Uint8Array;
  /** Granted facts, the others at their defaults. */
  request: RequestFacts;
  /** Time left, in µs; 0 = not told. */
  budgetUs: number;
  /** The host's clock, Unix ms. */
  nowMs: number;
  /** Randomness of the call. */
  seed: number;
  /** Scheduling profile that asks. */
  profile: string;
  /** Picks of earlier profiles. */
  readonly peers: PeerPick[];
  /** Granted data. */
  readonly data: DecodedData[];
}

/** A `CandidateData` as it came. */
export interface DecodedData {
  /** Number of the key. */
  column: number;
  /** One per candidate or slot named, in order. */
  readonly values: FloatList;
  /** Bitmap over positions. */
  unknown: Uint8Array;
}

/** A `ColumnData` as it came. */
export interface DecodedColumn {
  /** Number of the key. */
  column: number;
  /** Bitmap over slots; empty = all that live. */
  slots: Uint8Array;
  /** One per candidate or slot named, in order. */
  readonly values: FloatList;
  /** Bitmap over positions. */
  unknown: Uint8Array;
}

/** A `ScoreBatch` as it came. */
export interface DecodedBatch {
  /** In the order they were put. */
  readonly calls: readonly DecodedCall[];
  /** In-flight values, to be applied before the calls. */
  readonly inflight: readonly DecodedColumn[];
}

const noBytes = new Uint8Array(0);
const noWords = new Uint32Array(0);

/** Facts where nothing is granted. */
export const noFacts: RequestFacts = {
  model: "",
  lora: "",
  priority: 0,
  objective: "",
  fairnessId: "",
  sessionKey: "",
  pinnedSlot: -1,
  promptTokens: 0,
  promptText: "",
  tokenIds: noWords,
  blockHashes: noWords,
  blockSizeTokens: 0,
  headers: {},
  maxOutputTokens: 0,
  stream: false,
  requestId: "",
  sloTtftMs: 0,
  sloTpotMs: 0,
};

/** A message in the making: what may only be read later may still be written. */
type Draft<T> = { -readonly [K in keyof T]: T[K] };

interface MapEntry {
  key: string;
  value: string;
}

const mapEntryReaders = fieldReaders<MapEntry>([
  [1, "string", "key"],
  [2, "string", "value"],
]);

const peerReaders = fieldReaders<Draft<PeerPick>>([
  [1, "string", "profile"],
  [2, "uint32", "slot"],
]);

/** How to read a `CandidateData`. */
export const dataReaders = fieldReaders<DecodedData>([
  [1, "uint32", "column"],
  [2, "bytes", readValues],
  [2, "fixed32", readValues],
  [3, "blob", "unknown"],
]);

const columnReaders = fieldReaders<DecodedColumn>([
  [1, "uint32", "column"],
  [2, "blob", "slots"],
  [3, "bytes", readValues],
  [3, "fixed32", readValues],
  [6, "blob", "unknown"],
]);

const factReaders = fieldReaders<Draft<RequestFacts>>([
  [1, "string", "model"],
  [2, "string", "lora"],
  [3, "sint32", "priority"],
  [4, "string", "fairnessId"],
  [5, "string", "sessionKey"],
  [6, "uint32", "promptTokens"],
  [7, "string", "promptText"],
  [8, "bytes", readTokenIds],
  [9, "bytes", readBlockHashes],
  [10, "uint32", "blockSizeTokens"],
  [11, "bytes", readHeader],
  [12, "uint32", "maxOutputTokens"],
  [13, "varint", readStream],
  [14, "string", "requestId"],
  [15, "uint32", "sloTtftMs"],
  [16, "uint32", "sloTpotMs"],
  [17, "string", "objective"],
  [18, "varint", readPinnedSlot],
]);

const callReaders = fieldReaders<DecodedCall>([
  [1, "uint32", "callId"],
  [2, "uint32", "instance"],
  [3, "uint32", "epoch"],
  [4, "uint32", "rev"],
  [5, "blob", "candidates"],
  [7, "bytes", readFacts],
  [8, "uint32", "budgetUs"],
  [10, "double", "nowMs"],
  [11, "uint32", "seed"],
  [12, "string", "profile"],
  [13, "bytes", (reader, call) => call.peers.push(read(reader, peerReaders, { profile: "", slot: 0 }))],
  [14, "bytes", (reader, call) => call.data.push(read(reader, dataReaders, newData()))],
]);

const batchReaders = fieldReaders<{ readonly calls: DecodedCall[]; readonly inflight: DecodedColumn[] }>([
  [1, "bytes", (reader, batch) => batch.calls.push(read(reader, callReaders, newCall()))],
  [2, "bytes", (reader, batch) => batch.inflight.push(read(reader, columnReaders, newColumn()))],
]);

/** @throws {OutriderError} `PROTOCOL_VIOLATION` where `message` is no `ScoreBatch`. */
export function decodeScoreBatch(message: Buffer, from = 0, to = message.length): DecodedBatch {
  const reader = new WireReader(message);
  reader.at = from;
  return readMessage(reader, to, batchReaders, { calls: [], inflight: [] });
}

function read<T>(reader: WireReader, readers: FieldReaders<T>, target: T): T {
  return readMessage(reader, reader.block(), readers, target);
}

function newCall(): DecodedCall {
  return {
    callId: 0,
    instance: 0,
    epoch: 0,
    rev: 0,
    candidates: noBytes,
    request: noFacts,
    budgetUs: 0,
    nowMs: 0,
    seed: 0,
    profile: "",
    peers: [],
    data: [],
  };
}

/** A `CandidateData` before it is read. */
export function newData(): DecodedData {
  return { column: 0, values: new FloatList(), unknown: noBytes };
}

function newColumn(): DecodedColumn {
  return { column: 0, slots: noBytes, values: new FloatList(), unknown: noBytes };
}

function readValues(reader: WireReader, { values }: { readonly values: FloatList }, tag: number): void {
  values.append(reader, tag);
}

function readFacts(reader: WireReader, call: DecodedCall): void {
  call.request = read(reader, factReaders, { ...noFacts });
}

function readTokenIds(reader: WireReader, facts: Draft<RequestFacts>): void {
  facts.tokenIds = toWords(reader.blob());
}

function readBlockHashes(reader: WireReader, facts: Draft<RequestFacts>): void {
  facts.blockHashes = toWords(reader.blob());
}

function readStream(reader: WireReader, facts: Draft<RequestFacts>): void {
  facts.stream = reader.varint() !== 0;
}

function readPinnedSlot(reader: WireReader, facts: Draft<RequestFacts>): void {
  facts.pinnedSlot = reader.varint() - 1;
}

function readHeader(reader: WireReader, facts: Draft<RequestFacts>): void {
  const { key, value } = read(reader, mapEntryReaders, { key: "", value: "" });
  if (facts.headers === noFacts.headers) facts.headers = {};
  (facts.headers as Record<string, string>)[key] = value;
}

/** Little-endian words of a field; a copy, so that it is aligned and keeps no frame alive. */
function toWords(bytes: Uint8Array): Uint32Array<ArrayBuffer> {
  if (bytes.length % 4 !== 0) throw violation(`holds words of a broken length, ${bytes.length} bytes`);
  const words = new Uint32Array(bytes.length / 4);
  new Uint8Array(words.buffer).set(bytes);
  return words;
}
