import { choose, compareCandidates, withoutPort } from "../host/candidates.ts";
import { byShape } from "../shapes.ts";
import { toUnitPool } from "../stream/pool.ts";
import { differs, notApplicable } from "../verdict.ts";

/** The gateway's subset hint: what is left to choose from. */
export const subset = byShape([
  {
    given: ["endpoints", "filter_metadata?", "disable_endpoint_subset_filter?"],
    want: ["candidates"],
    async run(given, want) {
      const filterMetadata = given.values.filter_metadata;
      const pool = toUnitPool(given.texts("endpoints"), filterMetadata);
      const usesSubset = !given.boolean("disable_endpoint_subset_filter", false);
      const { candidates } = await choose(pool, { filterMetadata, usesSubset });
      const wanted = want.texts("candidates");
      const verdict = compareCandidates(candidates, wanted);
      if (verdict.status === "pass" || !usesSubset) return verdict;
      const byAddress = pool.map(({ address }) => address).filter((address) => isNamed(address, filterMetadata));
      const isByAddress = compareCandidates(byAddress, wanted).status === "pass";
      return isByAddress ? differs("subset matches ports", verdict.reason) : verdict;
    },
  },
  {
    given: ["scenario"],
    want: ["result"],
    run: (given) => notApplicable("in words", given.string("scenario")),
  },
]);

/** Whether a hint names an endpoint's address on whatever port. */
function isNamed(address: string, hint: unknown): boolean {
  const entries = (JSON.stringify(hint) ?? "").match(/[^",\s[\]{}]+/g) ?? [];
  return entries.some((entry) => entry === withoutPort(address) || withoutPort(entry) === withoutPort(address));
}
