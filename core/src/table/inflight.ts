import type { InflightColumns } from "../contract/index.ts";

/** Keys of the columns that the host fills with what it has sent. */
export const inflightKeys = ["inflight_requests", "inflight_prompt_tokens", "inflight_output_tokens"] as const;

/** Whether a key is one of {@link inflightKeys}. */
export function isInflightKey(key: string): key is (typeof inflightKeys)[number] {
  return (inflightKeys as readonly string[]).includes(key);
}

/** Columns of nothing sent, views of one buffer. */
export function createInflight(slotCount: number): InflightColumns {
  const buffer = new ArrayBuffer(3 * slotCount * Float32Array.BYTES_PER_ELEMENT);
  const column = (index: number) =>
    new Float32Array(buffer, index * slotCount * Float32Array.BYTES_PER_ELEMENT, slotCount);
  return { requests: column(0), promptTokens: column(1), outputTokens: column(2) };
}

/** The same counts with room for more slots. */
export function enlargeInflight(source: InflightColumns, slotCount: number): InflightColumns {
  const target = createInflight(slotCount);
  target.requests.set(source.requests);
  target.promptTokens.set(source.promptTokens);
  target.outputTokens.set(source.outputTokens);
  return target;
}
