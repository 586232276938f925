import type { EndpointInfo, EndpointSnapshot } from "../contract/index.ts";
import { keepSlots } from "../filters/keep-slots.ts";
import { findLabelValueFault, labelOf } from "../filters/label-selector.ts";
import { type RevisionGating, toRevisionShares } from "./revision-shares.ts";
import type { PolicyFigure, Screener, Screening } from "./types.ts";

/** A label that requests and responses name by a header. */
export interface HeaderSelector {
  /** Names the selector in metrics. */
  readonly name: string;
  /** Header of request and response, in lower case. */
  readonly headerName: string;
  /** Label whose value it has. */
  readonly labelKey: string;
  /** `strict`: a request only goes where the label has its header's value. `prefer`: the response tells, that is all. */
  readonly mode: "strict" | "prefer";
}

/** `parameters:` of a `disaggregatedset-rollout-screener`. */
export interface RolloutOptions {
  readonly gating: RevisionGating;
  readonly headerSelectors: readonly HeaderSelector[];
}

/**
 * Keeps all parts of a request within one revision of a rollout. A request without a strict header gets a revision by
 * chance, in proportion to its ready endpoints, of those that have each role required; one with such a header gets what
 * it names. Where that leaves nothing the request is refused: another revision is never put in its place.
 */
export function createRolloutScreener(name: string, options: RolloutOptions): Screener {
  return new RolloutScreener(name, options);
}

class RolloutScreener implements Screener {
  readonly name: string;
  readonly type = "disaggregatedset-rollout-screener";
  readonly #gating: RevisionGating;
  readonly #selectors: readonly HeaderSelector[];
  readonly #misses = new Map<string, number>();
  #last: { readonly snapshot: EndpointSnapshot; readonly shares: ReadonlyMap<string, number> } | undefined;

  constructor(name: string, { gating, headerSelectors }: RolloutOptions) {
    this.name = name;
    this.#gating = gating;
    this.#selectors = headerSelectors;
    for (const selector of headerSelectors) if (selector.mode === "strict") this.#misses.set(selector.name, 0);
  }

  screen(screening: Screening): Uint32Array {
    const strict = this.#selectors.filter(({ mode, headerName }) => mode === "strict" && screening.header(headerName));
    let allowed = this.#gate(screening, strict.length > 0);
    for (const { name, headerName, labelKey } of strict) {
      if (allowed.length === 0) break;
      const wanted = screening.header(headerName);
      allowed = keepSlots(allowed, (slot) => labelOf(screening.snapshot.at(slot), labelKey) === wanted);
      if (allowed.length === 0) this.#misses.set(name, this.#misses.get(name)! + 1);
    }
    return allowed;
  }

  headersOf(endpoint: EndpointInfo): readonly (readonly [string, string])[] {
    return this.#selectors.flatMap(({ headerName, labelKey }) => {
      const value = labelOf(endpoint, labelKey);
      return isTellable(value) ? [[headerName, value] as const] : [];
    });
  }

  figures(snapshot: EndpointSnapshot): readonly PolicyFigure[] {
    const misses = [...this.#misses].map(([selector, value]) => ({
      kind: "counter" as const,
      name: "disaggregatedset_strict_header_no_match",
      labels: { selector },
      value,
    }));
    const { mode } = this.#gating;
    if (mode === "disabled") return misses;
    const shares = [...this.#sharesOf(snapshot)].map(([revision, value]) => ({
      kind: "gauge" as const,
      name: "disaggregatedset_revision_gating_share",
      labels: { mode, revision },
      value,
    }));
    return [...misses, ...shares];
  }

  /** @param isNamed whether the request itself says which revision it wants. */
  #gate({ candidates, snapshot, random }: Screening, isNamed: boolean): Uint32Array {
    if (this.#gating.mode === "disabled") return candidates;
    const { revisionLabelKey } = this.#gating;
    const revisionOf = (slot: number) => labelOf(snapshot.at(slot), revisionLabelKey);
    const there = new Set(Array.from(candidates, revisionOf));
    const open = [...this.#sharesOf(snapshot)].filter(([revision, share]) => share > 0 && there.has(revision));
    if (isNamed) return keepSlots(candidates, (slot) => open.some(([revision]) => revision === revisionOf(slot)));
    const chosen = choose(open, random);
    return chosen === undefined ? new Uint32Array(0) : keepSlots(candidates, (slot) => revisionOf(slot) === chosen);
  }

  #sharesOf(snapshot: EndpointSnapshot): ReadonlyMap<string, number> {
    if (this.#last?.snapshot !== snapshot) this.#last = { snapshot, shares: toRevisionShares(snapshot, this.#gating) };
    return this.#last.shares;
  }
}

/** Whether a label may become a header: endpoints from files may have any text for one, line breaks too. */
function isTellable(value: string): boolean {
  return value !== "" && findLabelValueFault(value) === undefined;
}

/** One of some names, with a chance in proportion to its share; `undefined` where there is none. */
function choose(shares: readonly (readonly [name: string, share: number])[], random: () => number): string | undefined {
  if (shares.length <= 1) return shares[0]?.[0];
  let left = random() * shares.reduce((sum, [, share]) => sum + share, 0);
  const chosen = shares.find(([, share]) => {
    left -= share;
    return left < 0;
  });
  return (chosen ?? shares.at(-1)!)[0];
}
