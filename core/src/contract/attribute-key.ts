import { columnKeys, type NeedKey } from "./keys.ts";

/** Attributes of endpoints as the reference EPP names them, and the columns that have them. */
const attributeKeys: Readonly<Record<string, NeedKey>> = {
  WaitingQueueSize: "waiting_requests",
  RunningRequestsSize: "running_requests",
  KVCacheUsagePercent: "kv_cache_usage",
  MaxActiveModels: "max_adapters",
  CacheBlockSize: "kv_block_tokens",
  CacheNumBlocks: "kv_total_blocks",
};

/** How the name of an attribute is written. */
export const attributeName = /^[\p{L}_:][\p{L}\p{N}_:.-]*$/u;

/** Column of an attribute: by the reference EPP's name or a column's own; any other is a metric of the operator's. */
export function toAttributeKey(attribute: string): NeedKey {
  const known = Object.hasOwn(attributeKeys, attribute) ? attributeKeys[attribute] : undefined;
  if (known !== undefined) return known;
  const isKey = Object.hasOwn(columnKeys, attribute) || /^(?:metric|rate)\./.test(attribute);
  return (isKey ? attribute : `metric.${attribute}`) as NeedKey;
}
