import type { CycleCall, PeerPick, RequestFacts } from "@outrider/core/contract";
import type { FactGrants } from "./fact-grants.ts";
import type { NumberedKey } from "./session-types.ts";
import { textRoom, type WireWriter } from "./wire-writer.ts";

/** What a call names besides what it carries. */
export interface CallHeader {
  /** Instance.id. */
  readonly instance: number;
  /** Epoch of the session. */
  readonly epoch: number;
  /** Revision to evaluate on. */
  readonly rev: number;
  /** Whether the candidates are all slots that live at that revision, so that no bitmap is needed. */
  readonly allLive: boolean;
  /** Facts that the instance may see. */
  readonly grants: FactGrants;
  /** Data that the instance may read. */
  readonly data: readonly NumberedKey[];
}

/** Room for all that is of fixed size in a call. */
const fixedBytes = 256;

const noBytes = new Uint8Array(0);

/** Appends one `ScoreRequest` as field `field` of the message in progress, reading only what is granted. */
export function writeCall(writer: WireWriter, field: number, call: CycleCall, header: CallHeader): void {
  const { grants } = header;
  const facts = call.request;
  const candidates = header.allLive ? noBytes : call.candidateBitmap();
  const count = call.candidates.length;
  const dataBytes = header.data.length * (20 + 5 * count);
  writer.ensure(fixedBytes + candidates.length + factsRoom(facts, grants) + contextRoom(call) + dataBytes);

  const mark = writer.open(field);
  writer.uint32(1, call.callId);
  writer.uint32(2, header.instance);
  writer.uint32(3, header.epoch);
  writer.uint32(4, header.rev);
  writer.blob(5, candidates);
  writeFacts(writer, 7, facts, grants);
  writer.uint32(8, Math.max(1, Math.floor(call.budgetUs)));
  writer.double(10, call.nowMs);
  writer.uint32(11, call.seed);
  writer.string(12, call.profile);
  for (const peer of call.peers) writePeer(writer, 13, peer);
  for (const key of header.data) writeData(writer, 14, key.id, call.data.get(key.key));
  writer.close(mark);
}

function factsRoom(facts: RequestFacts, grants: FactGrants): number {
  let room = textRoom(facts.model);
  if (grants.lora) room += textRoom(facts.lora);
  if (grants.fairnessId) room += textRoom(facts.fairnessId);
  if (grants.sessionKey) room += textRoom(facts.sessionKey);
  if (grants.objective) room += textRoom(facts.objective);
  if (grants.requestId) room += textRoom(facts.requestId);
  if (grants.promptTextBytes > 0) room += textRoom(facts.promptText, grants.promptTextBytes);
  if (grants.tokenIds > 0) room += facts.tokenIds.byteLength;
  if (grants.blockHashes) room += facts.blockHashes.byteLength;
  for (const name of grants.headers) room += 12 + textRoom(name) + textRoom(facts.headers[name] ?? "");
  return room;
}

function contextRoom({ profile, peers }: CycleCall): number {
  let room = textRoom(profile);
  for (const peer of peers) room += 12 + textRoom(peer.profile);
  return room;
}

function writeFacts(writer: WireWriter, field: number, facts: RequestFacts, grants: FactGrants): void {
  const mark = writer.open(field);
  writer.string(1, facts.model);
  if (grants.lora) writer.string(2, facts.lora);
  if (grants.priority) writer.sint32(3, facts.priority);
  if (grants.fairnessId) writer.string(4, facts.fairnessId);
  if (grants.sessionKey) writer.string(5, facts.sessionKey);
  writer.uint32(6, facts.promptTokens);
  if (grants.promptTextBytes > 0) writer.string(7, facts.promptText, grants.promptTextBytes);
  if (grants.tokenIds > 0) writer.packed(8, limited(facts.tokenIds, grants.tokenIds));
  if (grants.blockHashes) {
    writer.packed(9, facts.blockHashes);
    writer.uint32(10, facts.blockSizeTokens);
  }
  for (const name of grants.headers) writeHeader(writer, 11, name, facts.headers[name]);
  if (grants.maxOutputTokens) writer.uint32(12, facts.maxOutputTokens);
  if (grants.stream) writer.uint32(13, facts.stream ? 1 : 0);
  if (grants.requestId) writer.string(14, facts.requestId);
  if (grants.slo) {
    writer.uint32(15, facts.sloTtftMs);
    writer.uint32(16, facts.sloTpotMs);
  }
  if (grants.objective) writer.string(17, facts.objective);
  if (grants.pinnedSlot) writer.uint32(18, facts.pinnedSlot + 1);
  writer.close(mark);
}

function limited(tokenIds: Uint32Array, most: number): Uint32Array {
  return tokenIds.length <= most ? tokenIds : tokenIds.subarray(0, most);
}

function writeHeader(writer: WireWriter, field: number, name: string, value: string | undefined): void {
  if (value === undefined) return;
  const mark = writer.open(field);
  writer.string(1, name);
  writer.string(2, value);
  writer.close(mark);
}

function writePeer(writer: WireWriter, field: number, peer: PeerPick): void {
  const mark = writer.open(field);
  writer.string(1, peer.profile);
  writer.uint32(2, peer.slot);
  writer.close(mark);
}

/** One `CandidateData`; nothing where no value is known, which is what a missing entry means. */
export function writeData(writer: WireWriter, field: number, id: number, values: Float32Array): void {
  if (values.every(Number.isNaN)) return;
  const mark = writer.open(field);
  writer.uint32(1, id);
  writer.blob(3, writer.knownFloats(2, values));
  writer.close(mark);
}
