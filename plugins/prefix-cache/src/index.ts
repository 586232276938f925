export { prefixCacheScorer } from "./match-scorer.ts";
export { approxPrefixCacheProducer } from "./producer.ts";
export { prefixCache } from "./scorer.ts";
