import type { PolicyType } from "./policy-type.ts";

/** Types that drop endpoints from the candidates. */
export const filterTypes: readonly PolicyType[] = [];
