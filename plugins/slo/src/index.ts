export { latencyScorer } from "./latency-scorer.ts";
export { predictedLatencyProducer } from "./producer.ts";
export { slo } from "./scorer.ts";
