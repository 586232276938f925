import { createRandom, deriveSeed, type EndpointSnapshot, type HostFacts, type Screener } from "@outrider/core";
import type { IncomingRequest } from "./types.ts";

/** Index from which the seeds of screeners are derived, behind those of the cycle. */
const screenerSeeds = 1 << 20;

/** Asks every screener about all candidates: those stay that each of them allows, ascending. */
export function screen(
  screeners: readonly Screener[],
  about: {
    readonly request: Pick<IncomingRequest, "header">;
    readonly facts: HostFacts;
    readonly snapshot: EndpointSnapshot;
    readonly candidates: Uint32Array;
    readonly seed: number;
  },
): Uint32Array {
  const { request, facts, snapshot, candidates, seed } = about;
  if (screeners.length === 0) return candidates;
  const header = (name: string) => request.header(name);
  const allowed = screeners.map((screener, i) =>
    screener.screen({ facts, header, snapshot, candidates, random: createRandom(deriveSeed(seed, screenerSeeds + i)) }),
  );
  return allowed.reduce(intersect, candidates);
}

/** @returns `kept` itself where nothing of it is missing. */
function intersect(kept: Uint32Array, allowed: Uint32Array): Uint32Array {
  if (kept === allowed) return kept;
  const names = new Set(allowed);
  const left = kept.filter((slot) => names.has(slot));
  return left.length === kept.length ? kept : left;
}
