export { sessionAffinityScorer } from "./pinned-scorer.ts";
export { sessionAffinity } from "./scorer.ts";
