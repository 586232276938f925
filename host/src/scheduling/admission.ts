import {
  type EndpointSnapshot,
  type HostFacts,
  type InflightColumns,
  type PoolView,
  type SaturationDetector,
  saturationByStage,
} from "@outrider/core";
import { selectCandidates } from "./candidates.ts";
import type { Pace } from "./pace.ts";
import { refuse } from "./refusals.ts";
import type { Refusal } from "./types.ts";

/** What is known of the pool when a request comes. */
export interface PoolState {
  readonly snapshot: EndpointSnapshot;
  readonly inflight: InflightColumns;
  /** The host's clock, Unix ms. */
  readonly nowMs: number;
}

/** Load ÷ capacity of the endpoints that take requests, of the part of requests that has less room. */
export function saturationOf(detector: SaturationDetector, { snapshot, inflight, nowMs }: PoolState): number {
  const pool: PoolView = { snapshot, slots: selectCandidates(snapshot, undefined), inflight, nowMs };
  return saturationByStage(detector, pool).effective;
}

/** Refuses a sheddable request, one of a priority below 0, where there is no room; all others pass unasked. */
export function refuseSheddable(
  { priority }: Pick<HostFacts, "priority">,
  detector: SaturationDetector,
  pool: PoolState,
  pace: Pace,
): Refusal | undefined {
  if (priority >= 0) return undefined;
  const saturation = saturationOf(detector, pool);
  if (saturation < 1) return undefined;
  const message = "system saturated, sheddable request dropped";
  const refusal = refuse("ResourceExhausted", message, "rejected-saturated");
  return { ...refusal, retryAfterS: pace.retryAfterS(saturation) };
}
