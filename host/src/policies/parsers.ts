import type { PolicyType } from "./policy-type.ts";

/** Types that read requests, one an API. */
export const parserTypes: readonly PolicyType[] = [];
