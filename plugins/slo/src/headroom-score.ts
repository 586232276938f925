import type { ScoreCall } from "@outrider/plugin-sdk";
import type { z } from "zod";
import type { latencyScorerConfig } from "./config.ts";

/** Range of headroom below which endpoints are alike. */
const sameMs = 1e-9;

/** Where an endpoint stands, the better the lower; what has no prediction stands nowhere. */
const tiers = { met: 0, idle: 1, tpotMissed: 2, ttftMissed: 3, bothMissed: 4, unknown: 5 } as const;

/** One of TTFT and TPOT over the candidates of a call. */
class Dimension {
  /** Target − prediction; prediction alone, negative, where no target is set. */
  headroom: Float64Array = new Float64Array(0);
  /** Whether it counts: predicted anywhere, and with a target where the other has one. */
  counts = false;
  least = 0;
  range = 0;

  /** @param isRated whether endpoints are to be compared by it. */
  read(predicted: Float32Array, targetMs: number, length: number, isRated: boolean): void {
    if (this.headroom.length < length) this.headroom = new Float64Array(2 * length);
    this.counts = false;
    for (let i = 0; i < length; i++) {
      this.headroom[i] = targetMs - predicted[i];
      if (isRated && !Number.isNaN(predicted[i])) this.counts = true;
    }
  }

  isKnown(i: number): boolean {
    return !this.counts || !Number.isNaN(this.headroom[i]);
  }

  isMissed(i: number): boolean {
    return this.counts && this.headroom[i] < 0;
  }

  /** Looks at those of a tier alone. */
  measure(tierOf: Uint8Array, tier: number, length: number): void {
    let least = Number.POSITIVE_INFINITY;
    let most = Number.NEGATIVE_INFINITY;
    for (let i = 0; i < length; i++) {
      if (tierOf[i] !== tier) continue;
      const size = Math.abs(this.headroom[i]);
      if (size < least) least = size;
      if (size > most) most = size;
    }
    this.least = least;
    this.range = this.counts ? most - least : 0;
  }

  /** Size of the headroom within its range, in [0, 1]; 0.5 where all have the same. */
  share(i: number): number {
    return this.range <= sameMs ? 0.5 : (Math.abs(this.headroom[i]) - this.least) / this.range;
  }
}

/**
 * Makes a function that scores by headroom: only the best tier there is, all others 0, within it by the size of TTFT
 * and TPOT headroom. It returns how many candidates have a prediction; nothing is written for the others.
 */
export function createHeadroomScore(config: z.output<typeof latencyScorerConfig>) {
  const { ttftWeight, tpotWeight, headroomSelectionStrategy } = config;
  const ttft = new Dimension();
  const tpot = new Dimension();
  let tierOf: Uint8Array = new Uint8Array(0);

  const findTiers = (call: ScoreCall, hasTarget: boolean): number => {
    const { candidates } = call;
    const { inflightRequests } = call.columns;
    if (tierOf.length < candidates.length) tierOf = new Uint8Array(2 * candidates.length);
    let best: number = tiers.unknown;
    for (let i = 0; i < candidates.length; i++) {
      const isKnown = (ttft.counts || tpot.counts) && ttft.isKnown(i) && tpot.isKnown(i);
      const isIdle = inflightRequests[candidates[i]] === 0;
      tierOf[i] = isKnown
        ? toTier(hasTarget && ttft.isMissed(i), hasTarget && tpot.isMissed(i), isIdle)
        : tiers.unknown;
      if (tierOf[i] < best) best = tierOf[i];
    }
    return best;
  };

  return (call: ScoreCall, scores: Float32Array): number => {
    const { candidates, data, request } = call;
    const { length } = candidates;
    const { sloTtftMs, sloTpotMs } = request;
    const hasTarget = sloTtftMs > 0 || sloTpotMs > 0;
    ttft.read(data.get("data.predicted_ttft_ms"), sloTtftMs, length, !hasTarget || sloTtftMs > 0);
    tpot.read(data.get("data.predicted_tpot_ms"), sloTpotMs, length, !hasTarget || sloTpotMs > 0);
    const best = findTiers(call, hasTarget);
    ttft.measure(tierOf, best, length);
    tpot.measure(tierOf, best, length);
    const shares = toShares(ttftWeight, tpotWeight, ttft.range > sameMs, tpot.range > sameMs);
    const prefersMost = headroomSelectionStrategy === "most" && hasTarget && best === tiers.met;
    let known = 0;
    for (let i = 0; i < length; i++) {
      if (tierOf[i] === tiers.unknown) continue;
      known += 1;
      const size = shares.ttft * ttft.share(i) + shares.tpot * tpot.share(i);
      scores[i] = tierOf[i] === best ? toScore(prefersMost ? size : 1 - size) : 0;
    }
    return known;
  };
}

function toTier(missesTtft: boolean, missesTpot: boolean, isIdle: boolean): number {
  if (!missesTtft && !missesTpot) return tiers.met;
  if (isIdle) return tiers.idle;
  if (!missesTtft) return tiers.tpotMissed;
  return missesTpot ? tiers.bothMissed : tiers.ttftMissed;
}

/** Shares of the two; one in which all are the same leaves its share to the other. */
function toShares(ttftWeight: number, tpotWeight: number, ttftDiffers: boolean, tpotDiffers: boolean) {
  const sum = ttftWeight + tpotWeight;
  if (ttftDiffers === tpotDiffers) return { ttft: ttftWeight / sum, tpot: tpotWeight / sum };
  return ttftDiffers ? { ttft: 1, tpot: 0 } : { ttft: 0, tpot: 1 };
}

/** Hundredths, never 0, so that one that is left is told from one that is not. */
function toScore(share: number): number {
  return Math.min(1, (Math.trunc(share * 100) + 1) / 100);
}
