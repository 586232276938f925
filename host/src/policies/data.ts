import type { PolicyType } from "./policy-type.ts";

/** Types about endpoints and what is scraped of them, and those that stand for what the host always does. */
export const dataTypes: readonly PolicyType[] = [];
