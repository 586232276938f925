import type { EndpointSnapshot, PeerPick } from "../contract/index.ts";
import { positionOf } from "./candidate-set.ts";
import type { CycleFacts, DecisionRefusal, HandlerView, Profile, ProfileRecord, Routing } from "./types.ts";

/** Nothing besides the destination. */
export const noRouting: Routing = { setHeaders: [], port: 0 };

/** Whether a handler refuses the request instead of naming a profile. */
export function isRefusal(next: Profile | DecisionRefusal): next is DecisionRefusal {
  return "by" in next;
}

/** What a decision is made from, as its profile handler sees it. */
export type ViewSource = Pick<HandlerView, "facts" | "snapshot" | "candidates" | "profiles"> & {
  /** Values of each key by the position of a candidate. */
  readonly produced: ReadonlyMap<string, Float32Array>;
};

/** The view of one decision: it goes along with it, so that one is enough. */
export class View implements HandlerView {
  readonly facts: CycleFacts;
  readonly snapshot: EndpointSnapshot;
  readonly candidates: Uint32Array;
  readonly profiles: readonly ProfileRecord[];
  readonly #produced: ReadonlyMap<string, Float32Array>;
  #picks: readonly PeerPick[] = [];

  constructor({ facts, snapshot, candidates, profiles, produced }: ViewSource) {
    this.facts = facts;
    this.snapshot = snapshot;
    this.candidates = candidates;
    this.profiles = profiles;
    this.#produced = produced;
  }

  get picks(): readonly PeerPick[] {
    return this.#picks;
  }

  /** A profile has run; lists handed out before do not change. */
  addPick({ name, picked }: ProfileRecord): void {
    if (picked.length > 0) this.#picks = [...this.#picks, { profile: name, slot: picked[0] }];
  }

  data(key: string, slot: number): number {
    const values = this.#produced.get(key);
    return values === undefined ? Number.NaN : (values[positionOf(this.candidates, slot)] ?? Number.NaN);
  }
}
