import { create, toBinary } from "@bufbuild/protobuf";
import type { EndpointChange, EndpointInfo, EndpointSnapshot } from "@outrider/core/contract";
import { EndpointSchema } from "@outrider/protos/scorer";
import { finishFrame, framePrefixBytes, stateTag } from "./frame-writer.ts";
import { findChanges, writeColumn } from "./state-columns.ts";
import { restrictEndpoint, type StateGrants } from "./state-grants.ts";
import { WireWriter } from "./wire-writer.ts";

/** Largest chunk of state, so that a call never queues behind a whole table. */
export const stateChunkBytes = 64 * 1024;

/** Room for the fields that every chunk has. */
const headBytes = 64;

/** Where a step of state begins and ends. */
export interface StateStep {
  /** Epoch of the session. */
  readonly epoch: number;
  /** What the plugin has; `undefined` = nothing, the step is the whole table. */
  readonly before: EndpointSnapshot | undefined;
  /** What it is to have. */
  readonly after: EndpointSnapshot;
  /** What of it the plugin may see. */
  readonly grants: StateGrants;
}

/** A step ready to be sent. */
export interface EncodedStep {
  /** A frame a chunk, its header included, at most {@link stateChunkBytes} each; one at least. */
  readonly frames: readonly Buffer[];
  /** Endpoints that come and go with it. */
  readonly change: EndpointChange;
}

/** What came and went between two snapshots; an endpoint that replaces another in its slot has done both. */
export function diffEndpoints(before: EndpointSnapshot | undefined, after: EndpointSnapshot): EndpointChange {
  const removedSlots: number[] = [];
  for (const slot of before?.live ?? []) {
    if (after.at(slot)?.id !== before?.at(slot)?.id) removedSlots.push(slot);
  }
  const upserted: EndpointInfo[] = [];
  for (const slot of after.live) {
    const info = after.at(slot)!;
    if (before?.at(slot) !== info) upserted.push(info);
  }
  return { removedSlots, upserted };
}

/** Writes a step as chunks. An endpoint that does not fit into one gets a larger one to itself. */
export function encodeStateStep(step: StateStep, writer = new WireWriter()): EncodedStep {
  const { before, after, grants } = step;
  const change = diffEndpoints(before, after);
  const chunks = new ChunkWriter(writer, step);
  if (before !== undefined) writeRemoved(chunks, change.removedSlots);
  for (const info of change.upserted) writeEndpoint(chunks, info, grants);
  const renewed = renewedSlots(before, after, change);
  for (const { id, key } of grants.columns) {
    for (const part of findChanges(key, before, after, renewed)) {
      chunks.reserve(part.roomBytes);
      writeColumn(writer, 8, id, part);
    }
  }
  return { frames: chunks.finish(), change };
}

/** Fills chunks in order; none is left empty but for one where there is nothing to say. */
class ChunkWriter {
  readonly writer: WireWriter;
  readonly #step: StateStep;
  readonly #frames: Buffer[] = [];

  constructor(writer: WireWriter, step: StateStep) {
    this.writer = writer;
    this.#step = step;
    this.#open();
  }

  /** Makes room for a field, in a chunk of its own if this one would grow too large. */
  reserve(bytes: number): void {
    const heldBytes = this.writer.at - this.writer.start;
    if (heldBytes + bytes > stateChunkBytes && heldBytes > framePrefixBytes + headBytes) {
      this.#close(true);
      this.#open();
    }
    this.writer.ensure(bytes);
  }

  finish(): readonly Buffer[] {
    this.#close(false);
    return this.#frames;
  }

  #open(): void {
    const { writer } = this;
    const { epoch, before, after } = this.#step;
    writer.begin(framePrefixBytes);
    writer.ensure(headBytes);
    writer.uint32(1, epoch);
    writer.uint32(2, before?.rev ?? 0);
    writer.uint32(3, after.rev);
    writer.uint32(4, before === undefined ? 1 : 0);
    writer.double(9, after.takenAtMs);
  }

  #close(more: boolean): void {
    this.writer.ensure(2);
    this.writer.uint32(5, more ? 1 : 0);
    this.#frames.push(finishFrame(this.writer, stateTag));
  }
}

function writeRemoved(chunks: ChunkWriter, slots: readonly number[]): void {
  if (slots.length === 0) return;
  chunks.reserve(8 + 2 * slots.length);
  const mark = chunks.writer.open(7);
  for (const slot of slots) chunks.writer.varint(slot);
  chunks.writer.close(mark);
}

function writeEndpoint(chunks: ChunkWriter, info: EndpointInfo, grants: StateGrants): void {
  const { slot, id, address, labels, sets, incarnation } = restrictEndpoint(info, grants);
  const named = Object.fromEntries(Object.entries(sets).map(([name, values]) => [name, { values: [...values] }]));
  const endpoint = create(EndpointSchema, { slot, id, address, labels, sets: named, incarnation });
  const bytes = toBinary(EndpointSchema, endpoint);
  chunks.reserve(8 + bytes.length);
  chunks.writer.blob(6, bytes);
}

/** 1 for slots whose values the plugin knows nothing of, because their endpoint is new. */
function renewedSlots(
  before: EndpointSnapshot | undefined,
  after: EndpointSnapshot,
  change: EndpointChange,
): Uint8Array {
  const renewed = new Uint8Array(after.slotCount);
  for (const { slot, id } of change.upserted) if (before?.at(slot)?.id !== id) renewed[slot] = 1;
  return renewed;
}
