import type { EndpointDirectory, EndpointInfo } from "../contract/index.ts";
import type { LastScores } from "./types.ts";

/** Age up to which a score is recalled where nothing else is said, in ms. */
export const defaultLastScoresMs = 1_000;

/** @param maxAgeMs age up to which a score is recalled, in ms. */
export function createLastScores(maxAgeMs: number): LastScores {
  return new SlotScores(maxAgeMs);
}

/** Scores by slot, each with the endpoint it was said of: a slot that has another one since remembers nothing. */
class SlotScores implements LastScores {
  readonly #maxAgeMs: number;
  readonly #endpoints: (EndpointInfo | undefined)[] = [];
  #scores = new Float32Array(0);
  #atMs = new Float64Array(0);

  constructor(maxAgeMs: number) {
    this.#maxAgeMs = maxAgeMs;
  }

  note(endpoints: EndpointDirectory, candidates: Uint32Array, scores: Float32Array, atMs: number): void {
    this.#grow(endpoints.slotCount);
    for (let i = 0; i < candidates.length; i++) {
      const slot = candidates[i];
      this.#endpoints[slot] = endpoints.at(slot);
      this.#scores[slot] = scores[i];
      this.#atMs[slot] = atMs;
    }
  }

  recall(endpoints: EndpointDirectory, candidates: Uint32Array, nowMs: number): Float32Array {
    return Float32Array.from(candidates, (slot) => {
      const isFresh = Math.abs(nowMs - this.#atMs[slot]) <= this.#maxAgeMs;
      return isFresh && isSame(this.#endpoints[slot], endpoints.at(slot)) ? this.#scores[slot] : Number.NaN;
    });
  }

  #grow(slotCount: number): void {
    if (slotCount <= this.#scores.length) return;
    const [scores, atMs] = [this.#scores, this.#atMs];
    this.#scores = new Float32Array(slotCount);
    this.#scores.set(scores);
    this.#atMs = new Float64Array(slotCount);
    this.#atMs.set(atMs);
  }
}

/** Whether both are one life of one endpoint; its labels and sets may change meanwhile. */
function isSame(one: EndpointInfo | undefined, other: EndpointInfo | undefined): boolean {
  if (one === undefined || other === undefined) return false;
  if (one === other) return true;
  return one.id === other.id && one.address === other.address && one.incarnation === other.incarnation;
}
