import { createRandom, deriveSeed, type EndpointSnapshot, type HostFacts, type Screener } from "@outrider/core";
import type { IncomingRequest, Routed } from "./types.ts";

/** Index from which the seeds of screeners are derived, behind those of the cycle. */
const screenerSeeds = 1 << 20;

/** What screeners leave of the candidates. */
export interface Screened {
  /** Slots, ascending. */
  readonly candidates: Uint32Array;
  /** Headers to set on the response. */
  readonly responseHeaders: Routed["setResponseHeaders"];
}

const noHeaders: Routed["setResponseHeaders"] = [];

/** Asks every screener about all candidates: those stay that each of them allows. */
export function screen(
  screeners: readonly Screener[],
  about: {
    readonly request: Pick<IncomingRequest, "header">;
    readonly facts: HostFacts;
    readonly snapshot: EndpointSnapshot;
    readonly candidates: Uint32Array;
    readonly seed: number;
  },
): Screened {
  const { request, facts, snapshot, candidates, seed } = about;
  if (screeners.length === 0) return { candidates, responseHeaders: noHeaders };
  const header = (name: string) => request.header(name);
  const verdicts = screeners.map((screener, i) =>
    screener.screen({ facts, header, snapshot, candidates, random: createRandom(deriveSeed(seed, screenerSeeds + i)) }),
  );
  const left = verdicts.reduce((kept, { allowed }) => intersect(kept, allowed), candidates);
  return { candidates: left, responseHeaders: verdicts.flatMap(({ responseHeaders }) => responseHeaders) };
}

/** @returns `kept` itself where nothing of it is missing. */
function intersect(kept: Uint32Array, allowed: Uint32Array): Uint32Array {
  if (kept === allowed) return kept;
  const names = new Set(allowed);
  const left = kept.filter((slot) => names.has(slot));
  return left.length === kept.length ? kept : left;
}
