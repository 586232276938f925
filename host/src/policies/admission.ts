import type { PolicyType } from "./policy-type.ts";

/** Types that let requests in: detectors of saturation, screeners, admitters. */
export const admissionTypes: readonly PolicyType[] = [];
