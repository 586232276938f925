import type { InflightColumns } from "@outrider/core";
import type { Decision, Header } from "@outrider/protos/record";
import { fromBitmap, type NumberedKey } from "@outrider/transport";
import type { ColumnKeys } from "./difference.ts";

/** Columns and data of a recording, by number. */
export function toKeys({ columns }: Pick<Header, "columns">): ColumnKeys {
  return new Map(columns.map(({ id, key }) => [id, key]));
}

/** Numbered as a plugin's copy of the endpoint table takes them. */
export function toNumbered(keys: ColumnKeys): readonly NumberedKey[] {
  return Array.from(keys, ([id, key]) => ({ id, key }));
}

/** Counts in flight as a decision had them; `undefined` where the recording has none. */
export function toInflight({ inflight }: Decision, keys: ColumnKeys, slotCount: number): InflightColumns | undefined {
  const columns = {
    requests: new Float32Array(slotCount),
    promptTokens: new Float32Array(slotCount),
    outputTokens: new Float32Array(slotCount),
  };
  const byKey: Readonly<Record<string, Float32Array>> = {
    inflight_requests: columns.requests,
    inflight_prompt_tokens: columns.promptTokens,
    inflight_output_tokens: columns.outputTokens,
  };
  for (const { column, slots, values } of inflight) {
    const target = byKey[keys.get(column) ?? ""];
    fromBitmap(slots).forEach((slot, i) => {
      if (target !== undefined && slot < slotCount) target[slot] = values[i] ?? 0;
    });
  }
  return inflight.length === 0 ? undefined : columns;
}
