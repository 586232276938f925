import { isDeepStrictEqual } from "node:util";
import type { EndpointChange, EndpointInfo } from "@outrider/core/contract";
import type { ColumnData, Endpoint, PushStateRequest } from "@outrider/protos/scorer";
import type { AnsweredError } from "./answer-codec.ts";
import { countBits, fromBitmap, hasBit } from "./bitmap.ts";
import { copyColumn, type TimedColumn, type VersionParts } from "./table-version.ts";

/** Slots a table has at most; part of the contract. */
export const maxSlots = 8192;

type Infos = VersionParts["infos"];
type ColumnNames = ReadonlyMap<number, string>;

/** What a whole step makes of a table. */
export type AppliedStep =
  | { readonly kind: "applied"; readonly parts: VersionParts; readonly change: EndpointChange }
  | { readonly kind: "refused"; readonly fault: AnsweredError };

/**
 * Applies all chunks of a step at once: removals, then endpoints, then values.
 * @param keys key of each column number; values of others are ignored.
 */
export function applyStep(step: readonly PushStateRequest[], before: VersionParts, keys: ColumnNames): AppliedStep {
  const fault = stepFault(step, before);
  if (fault !== undefined) return { kind: "refused", fault };
  const infos = nextInfos(step, before);
  const badColumn = columnFault(step, liveSlots(infos));
  if (badColumn !== undefined) return { kind: "refused", fault: badColumn };
  const change = changeOf(step, before, infos);
  const { epoch, toRev } = step[0]!;
  const columns = nextColumns(step, before, infos, change, keys);
  return { kind: "applied", parts: { epoch, rev: toRev, infos, columns }, change };
}

function liveSlots(infos: Infos): readonly number[] {
  return infos.flatMap((info, slot) => (info === undefined ? [] : [slot]));
}

/** Why a step cannot be applied; `undefined` = it can. */
function stepFault(step: readonly PushStateRequest[], { epoch, rev }: VersionParts): AnsweredError | undefined {
  const first = step[0]!;
  if (!first.full && (first.epoch !== epoch || first.fromRev !== rev)) {
    const message = `a step from revision ${first.fromRev} of epoch ${first.epoch} does not fit ${rev} of ${epoch}`;
    return { code: "failed_precondition", message, haveEpoch: epoch, haveRev: rev };
  }
  const slots = step.flatMap(({ removedSlots, upserts }) => [...removedSlots, ...upserts.map(({ slot }) => slot)]);
  const beyond = slots.find((slot) => slot >= maxSlots);
  if (beyond === undefined) return undefined;
  return { code: "invalid_argument", message: `slot ${beyond}: a table has at most ${maxSlots} slots` };
}

/** Why the values of a step cannot be applied. */
function columnFault(step: readonly PushStateRequest[], live: readonly number[]): AnsweredError | undefined {
  for (const { column, slots, values, agesMs } of step.flatMap((chunk) => chunk.columns)) {
    const count = slots.length === 0 ? live.length : countBits(slots);
    const isWrong = values.length !== count || (agesMs.length > 0 && agesMs.length !== count);
    if (!isWrong) continue;
    const message = `column ${column}: ${values.length} values and ${agesMs.length} ages for ${count} slots`;
    return { code: "invalid_argument", message };
  }
  return undefined;
}

function nextInfos(step: readonly PushStateRequest[], { infos }: VersionParts): Infos {
  const last = Math.max(-1, ...step.flatMap(({ upserts }) => upserts.map(({ slot }) => slot)));
  const next = Array.from({ length: Math.max(infos.length, last + 1) }, (_, slot) =>
    step[0]!.full ? undefined : infos[slot],
  );
  for (const { removedSlots } of step) for (const slot of removedSlots) if (slot < next.length) next[slot] = undefined;
  for (const { upserts } of step) for (const endpoint of upserts) next[endpoint.slot] = toInfo(endpoint);
  return next;
}

function toInfo({ slot, id, address, labels, sets, incarnation }: Endpoint): EndpointInfo {
  const names = Object.fromEntries(Object.entries(sets).map(([name, { values }]) => [name, values]));
  return { slot, id, address, labels, sets: names, incarnation };
}

/** What instances are told: of a whole table only what differs. */
function changeOf(step: readonly PushStateRequest[], { infos }: VersionParts, next: Infos): EndpointChange {
  const removed = new Set(step.flatMap((chunk) => chunk.removedSlots));
  const removedSlots = infos.flatMap((info, slot) => {
    const isGone = info !== undefined && (removed.has(slot) || next[slot]?.id !== info.id);
    return isGone ? [slot] : [];
  });
  const upserted = step[0]!.full
    ? next.filter((info, slot) => info !== undefined && !isDeepStrictEqual(info, infos[slot]))
    : step.flatMap(({ upserts }) => upserts.map(({ slot }) => next[slot]));
  return { removedSlots, upserted: upserted.filter((info) => info !== undefined) };
}

function nextColumns(
  step: readonly PushStateRequest[],
  { infos, columns }: VersionParts,
  next: Infos,
  { removedSlots }: EndpointChange,
  keys: ColumnNames,
): ReadonlyMap<string, TimedColumn> {
  const { full } = step[0]!;
  const named = new Set(step.flatMap((chunk) => chunk.columns.map(({ column }) => keys.get(column))));
  const keepsRest = !full && removedSlots.length === 0 && next.length === infos.length;
  const result = new Map<string, TimedColumn>();
  for (const key of keys.values()) {
    const before = columns.get(key);
    if (keepsRest && !named.has(key)) {
      if (before !== undefined) result.set(key, before);
      continue;
    }
    const copy = copyColumn(full ? undefined : before, next.length);
    for (const slot of removedSlots) setUnknown(copy, slot);
    result.set(key, copy);
  }
  const live = liveSlots(next);
  for (const { columns: parts, nowMs } of step) {
    for (const data of parts) {
      const column = result.get(keys.get(data.column) ?? "");
      if (column !== undefined) fillColumn(column, data, live, next, Math.floor(nowMs));
    }
  }
  return result;
}

function fillColumn(
  { values, times }: TimedColumn,
  data: ColumnData,
  live: readonly number[],
  infos: Infos,
  nowMs: number,
): void {
  const slots = data.slots.length === 0 ? live : fromBitmap(data.slots);
  slots.forEach((slot, i) => {
    if (infos[slot] === undefined) return;
    const isUnknown = hasBit(data.unknown, i);
    values[slot] = isUnknown ? Number.NaN : data.values[i]!;
    times[slot] = isUnknown ? 0 : nowMs - (data.agesMs[i] ?? data.ageMs);
  });
}

function setUnknown({ values, times }: TimedColumn, slot: number): void {
  values[slot] = Number.NaN;
  times[slot] = 0;
}
