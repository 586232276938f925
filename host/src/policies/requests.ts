import type { PolicyType } from "./policy-type.ts";

/** Types that look at a request or its response beside the cycle. */
export const requestTypes: readonly PolicyType[] = [];
