import type { EndpointTable } from "@outrider/core";
import type { ModelList } from "./model-list.ts";

type Sets = Readonly<Record<string, readonly string[]>>;

/** Writes the sets of one endpoint, which come from two pages: a list of models knows more of them than metrics do. */
export interface EndpointSets {
  /** What the page of metrics says; costs nothing while it is the same object. */
  scraped(sets: Sets): void;
  /** A list of models has come. */
  listed(list: ModelList): void;
  /** Lists are fetched no longer: what they said is unknown, and metrics name the models again. */
  unlisted(): void;
}

/** The sets of the endpoint in a slot. */
export function createEndpointSets(table: EndpointTable, slot: number): EndpointSets {
  let last: Sets = {};
  let isListed = false;
  return {
    scraped(sets) {
      if (sets === last) return;
      last = sets;
      const { models: _, ...others } = sets;
      table.setSets(slot, isListed ? others : sets);
    },
    listed({ models, adapters, bases }) {
      isListed = true;
      table.setSets(slot, { models, adapters, adapter_bases: bases });
    },
    unlisted() {
      if (!isListed) return;
      isListed = false;
      table.forgetSets(slot, ["models", "adapters", "adapter_bases"]);
      if (last.models !== undefined) table.setSets(slot, { models: last.models });
    },
  };
}
