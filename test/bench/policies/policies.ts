import type { Section } from "../section.ts";
import { compareAttainment } from "./attainment.ts";
import { compareSharing } from "./sharing.ts";

/** What policies are worth: TTFT at high and low sharing, and how many requests meet their targets. */
export const policies: Section = {
  name: "policies",
  about: "TTFT, hit rates and SLO attainment by policy, over simulated model servers in real time",
  effort: { windows: 2, seconds: 80 },
  run: async (effort) => [...(await compareSharing(effort)), await compareAttainment(effort)],
};
