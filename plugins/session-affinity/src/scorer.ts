import { defineScorer, type EndpointInfo, type ScoreCall } from "@outrider/plugin-sdk";
import { sessionAffinityConfig } from "./config.ts";
import { createIdHashes, hashText, type IdHashes, rendezvousWeight } from "./rendezvous.ts";

/**
 * Prefers the same endpoints for the same session, by rendezvous hashing of the session's key and the endpoints' ids:
 * `score = 2^−rank` for the `choices` endpoints of largest weight, 0 for the others. Abstains without a key.
 */
export const sessionAffinity = defineScorer({
  type: "session-affinity",
  category: "affinity",
  state: "none",
  needs: ["request.session_key"],
  config: sessionAffinityConfig,
  create({ choices }) {
    const hashes = createIdHashes();
    const best = createRanking(choices);
    return {
      score(call, scores) {
        if (call.request.sessionKey === "") return "no session key";
        best.clear();
        rank(call, hashes, best, scores);
        for (let i = 0; i < best.count; i++) scores[best.positions[i]] = 2 ** -i;
        return undefined;
      },
    };
  },
});

/** Ranks the candidates; those whose endpoint is known score 0 for now, the others stay without a score. */
function rank(
  { candidates, endpoints, request }: ScoreCall,
  hashes: IdHashes,
  best: Ranking,
  scores: Float32Array,
): void {
  const keyHash = hashText(request.sessionKey);
  for (let i = 0; i < candidates.length; i++) {
    const endpoint = endpoints.at(candidates[i]);
    if (endpoint === undefined) continue;
    scores[i] = 0;
    best.add(i, rendezvousWeight(keyHash, hashes.of(endpoint)), endpoint);
  }
}

/** The few candidates of largest weight, in order; those of one weight in the order of their ids. */
interface Ranking {
  readonly count: number;
  /** Positions of the candidates, the first `count` of them valid. */
  readonly positions: Int32Array;
  clear(): void;
  add(position: number, weight: number, endpoint: EndpointInfo): void;
}

function createRanking(size: number): Ranking {
  const positions = new Int32Array(size);
  const weights = new Float64Array(size);
  const ids = Array.from({ length: size }, () => "");
  let count = 0;
  return {
    get count() {
      return count;
    },
    positions,
    clear() {
      count = 0;
    },
    add(position, weight, { id }) {
      let at = count;
      while (at > 0 && (weights[at - 1] < weight || (weights[at - 1] === weight && ids[at - 1] > id))) at--;
      if (at === size) return;
      if (count < size) count++;
      for (let i = count - 1; i > at; i--) {
        positions[i] = positions[i - 1];
        weights[i] = weights[i - 1];
        ids[i] = ids[i - 1];
      }
      positions[at] = position;
      weights[at] = weight;
      ids[at] = id;
    },
  };
}
