import { askAdmin } from "../../clients/config.ts";

/** Decisions that a host remembers and tells at once. */
const mostDecisions = 1_000;

/** Scorers that rate by the cached share of the prompt. */
const prefixScorers = ["prefix-cache", "prefix-cache-scorer"];

interface Decision {
  readonly facts?: { readonly requestId?: string };
  readonly destination?: readonly number[];
  readonly profiles?: readonly {
    readonly candidates?: readonly number[];
    readonly scorers?: readonly { readonly name: string; readonly scores?: readonly (number | string)[] }[];
  }[];
}

/**
 * Share of each request's prompt that the endpoint picked was believed to hold, by the host's own records of its last
 * decisions; empty where no scorer looks at prefixes. @param admin `ip:port` of the admin interface.
 */
export async function readBeliefs(admin: string): Promise<ReadonlyMap<string, number>> {
  const { decisions = [] } = await askAdmin<{ readonly decisions?: readonly { readonly decision: Decision }[] }>(
    admin,
    "GetDecision",
    { latest: mostDecisions },
  );
  const shares = decisions.map(({ decision }) => [decision.facts?.requestId ?? "", believedShare(decision)] as const);
  return new Map(shares.filter(([, share]) => !Number.isNaN(share)));
}

function believedShare({ destination = [], profiles: [profile] = [] }: Decision): number {
  const { scores = [] } = profile?.scorers?.find(({ name }) => prefixScorers.includes(name)) ?? {};
  return Number(scores[profile?.candidates?.indexOf(destination[0]!) ?? -1]);
}
