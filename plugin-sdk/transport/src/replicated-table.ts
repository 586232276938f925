import { create } from "@bufbuild/protobuf";
import type { EndpointChange } from "@outrider/core/contract";
import { type PushStateRequest, type PushStateResponse, PushStateResponseSchema } from "@outrider/protos/scorer";
import type { NumberedKey } from "./session-types.ts";
import { applyStep } from "./table-step.ts";
import { type TableVersion, toVersion, type VersionParts } from "./table-version.ts";

/** What came of one chunk. */
export type StepOutcome =
  | { readonly kind: "pending" }
  | { readonly kind: "applied"; readonly change: EndpointChange; readonly response: PushStateResponse }
  | { readonly kind: "refused"; readonly response: PushStateResponse };

/** A plugin's copy of the endpoint table. */
export interface ReplicatedTable {
  /** The last complete step. */
  readonly version: TableVersion;
  /** Takes a chunk; a step takes effect as a whole with its last one. A refused step leaves the table as it was. */
  apply(chunk: PushStateRequest): StepOutcome;
  /** Says which columns travel under which numbers from now on; what was known of others is forgotten. */
  setColumns(columns: readonly NumberedKey[]): void;
}

/** A table without endpoints that knows no column yet. */
export function createReplicatedTable(): ReplicatedTable {
  let parts: VersionParts = { epoch: 0, rev: 0, infos: [], columns: new Map() };
  let version = toVersion(parts);
  let keys: ReadonlyMap<number, string> = new Map();
  let chunks: PushStateRequest[] = [];

  const finish = (step: readonly PushStateRequest[]): StepOutcome => {
    const applied = applyStep(step, parts, keys);
    if (applied.kind === "refused") {
      const { epoch, rev } = parts;
      return { kind: "refused", response: create(PushStateResponseSchema, { epoch, rev, nack: applied.fault }) };
    }
    parts = applied.parts;
    version = toVersion(parts);
    const { epoch, rev } = parts;
    return { kind: "applied", change: applied.change, response: create(PushStateResponseSchema, { epoch, rev }) };
  };

  return {
    get version() {
      return version;
    },
    apply(chunk) {
      if (chunks.length > 0 && !isSameStep(chunks[0]!, chunk)) chunks = [];
      chunks.push(chunk);
      if (chunk.more) return { kind: "pending" };
      const step = chunks;
      chunks = [];
      return finish(step);
    },
    setColumns(columns) {
      keys = new Map(columns.map(({ id, key }) => [id, key]));
      const known = new Set(keys.values());
      parts = { ...parts, columns: new Map([...parts.columns].filter(([key]) => known.has(key))) };
      version = toVersion(parts);
    },
  };
}

function isSameStep(a: PushStateRequest, b: PushStateRequest): boolean {
  return a.epoch === b.epoch && a.fromRev === b.fromRev && a.toRev === b.toRev && a.full === b.full;
}
