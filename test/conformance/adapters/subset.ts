import type { Fields } from "../fields.ts";
import { choose, chooseEach, compareCandidates, withoutPort } from "../host/candidates.ts";
import { byShape } from "../shapes.ts";
import { idleEndpoint, toUnitPool } from "../stream/pool.ts";
import { differs, fail, notApplicable, pass, type Verdict } from "../verdict.ts";

/** The gateway's subset hint: what is left to choose from. */
export const subset = byShape([
  {
    given: ["endpoints", "filter_metadata?", "disable_endpoint_subset_filter?"],
    want: ["candidates"],
    async run(given, want) {
      const filterMetadata = given.values.filter_metadata;
      const pool = toUnitPool(given.texts("endpoints"), filterMetadata);
      const usesSubset = !given.boolean("disable_endpoint_subset_filter", false);
      const { candidates } = await choose(pool, { filterMetadata }, { usesSubset });
      const wanted = want.texts("candidates");
      const verdict = compareCandidates(candidates, wanted);
      if (verdict.status === "pass" || !usesSubset) return verdict;
      const byAddress = pool.map(({ address }) => address).filter((address) => isNamed(address, filterMetadata));
      const isByAddress = compareCandidates(byAddress, wanted).status === "pass";
      return isByAddress ? differs("subset matches ports", verdict.reason) : verdict;
    },
  },
  { given: ["scenario"], want: ["result"], run: compareScenario },
]);

/**
 * Two requests with different hints, told as `subset [A,B] then [B,A]`. How often the reference looks endpoints up is
 * its own affair; that one look-up may serve both shows in both having the same candidates, and that it may not in each
 * having its own.
 */
async function compareScenario(given: Fields, want: Fields): Promise<Verdict> {
  const hints = toHints(given.string("scenario"));
  const [, count] = /^(one|two) (?:delegate calls?|look-?ups?)\b/.exec(want.string("result")) ?? [];
  if (hints === undefined) return notApplicable("in words", given.string("scenario"));
  if (count === undefined) return notApplicable("in words", want.string("result"));
  const names = [...new Set(hints.flat()), "another"];
  const addressOf = (name: string) => `10.0.0.${names.indexOf(name) + 1}:8000`;
  const pool = names.map((name, i) => idleEndpoint(addressOf(name), i));
  const key = "x-gateway-destination-endpoint-subset";
  const requests = hints.map((hint) => ({
    filterMetadata: { "envoy.lb.subset_hint": { [key]: hint.map(addressOf) } },
  }));
  const choices = await chooseEach(pool, requests);
  const verdicts = choices.map(({ candidates }, i) => compareCandidates(candidates, (hints[i] ?? []).map(addressOf)));
  const fault = verdicts.find(({ status }) => status !== "pass");
  if (fault !== undefined) return fault;
  const [one, other] = choices.map(({ candidates }) => candidates.toSorted().join());
  return (one === other) === (count === "one")
    ? pass("by the candidates of both")
    : fail(`the candidates are ${one} and ${other}`);
}

/** Names in the two hints of a scenario. */
function toHints(scenario: string): readonly (readonly string[])[] | undefined {
  const name = String.raw`(\w+|\[[\w, ]*\])`;
  const match = new RegExp(`^(?:the )?subset ${name} then (?:the )?(?:subset )?${name}(?: again)?$`).exec(scenario);
  return match?.slice(1).map((hint) => hint.match(/\w+/g) ?? []);
}

/** Whether a hint names an endpoint's address on whatever port. */
function isNamed(address: string, hint: unknown): boolean {
  const entries = (JSON.stringify(hint) ?? "").match(/[^",\s[\]{}]+/g) ?? [];
  return entries.some((entry) => entry === withoutPort(address) || withoutPort(entry) === withoutPort(address));
}
