import { keepEndpoints } from "../filters/endpoint-filter.ts";
import { doesStage, roleLabel } from "../filters/roles.ts";
import type { PoolView, SaturationDetector } from "./types.ts";

/** How full the endpoints of each part of requests are, ≥ 0, 1 = full. */
export interface StageSaturation {
  /** Of those that compute prompts; 0 where nobody does only that or both. */
  readonly prefill: number;
  /** Of those that write answers; 0 where nobody does. */
  readonly decode: number;
  /** The fuller of the two: what a request meets. That of all endpoints where none does either part. */
  readonly effective: number;
}

/** An endpoint without a role does everything, and so counts in both. */
const prefillers = keepEndpoints(
  (endpoint) => endpoint.labels[roleLabel] === undefined || doesStage(endpoint, "prefill"),
);
const decoders = keepEndpoints((endpoint) => doesStage(endpoint, "decode"));

/** Asks a detector about the endpoints of each part of requests apart: one that is full must not hide behind the other. */
export function saturationByStage(detector: SaturationDetector, pool: PoolView): StageSaturation {
  const about = { candidates: pool.slots, snapshot: pool.snapshot };
  const of = (slots: Uint32Array) => (slots.length === 0 ? 0 : detector.saturation({ ...pool, slots }));
  const [prefillSlots, decodeSlots] = [prefillers(about), decoders(about)];
  if (prefillSlots.length === 0 && decodeSlots.length === 0) {
    return { prefill: 0, decode: 0, effective: detector.saturation(pool) };
  }
  const prefill = of(prefillSlots);
  const decode = decodeSlots === prefillSlots ? prefill : of(decodeSlots);
  return { prefill, decode, effective: Math.max(prefill, decode) };
}
