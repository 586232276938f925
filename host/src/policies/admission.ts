import { concurrencyDetector, utilizationDetector } from "./admission/detectors.ts";
import { latencySloAdmitter } from "./admission/latency-slo-admitter.ts";
import { probabilisticAdmitter } from "./admission/probabilistic-admitter.ts";
import { rolloutScreener } from "./admission/rollout-screener.ts";
import type { PolicyType } from "./policy-type.ts";

/** Types that let requests in: detectors of saturation, screeners, admitters. */
export const admissionTypes: readonly PolicyType[] = [
  utilizationDetector,
  concurrencyDetector,
  probabilisticAdmitter,
  latencySloAdmitter,
  rolloutScreener,
];
