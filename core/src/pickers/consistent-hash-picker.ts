import { deriveSeed, type EndpointInfo, perEndpoint } from "../contract/index.ts";
import type { CycleFacts, Picker, PickInput } from "../cycle/types.ts";
import { headerOf } from "../handlers/request-header.ts";
import { hashBytes } from "../hash/index.ts";
import { createMaxScorePicker } from "./max-score-picker.ts";
import { toPickCount } from "./shuffle.ts";
import { takeHighest } from "./take-highest.ts";

/** What requests have in common that go to the same endpoint. */
export type HashKey =
  /** The session key. */
  | { readonly kind: "session" }
  /** The value of a header, by its lower-case name. */
  | { readonly kind: "header"; readonly name: string }
  /** The model that is asked for. */
  | { readonly kind: "model" }
  /** The first tokens of the prompt: so many, rounded down to whole prefix blocks, at least one. */
  | { readonly kind: "prompt-prefix"; readonly tokens: number };

/** What a `consistent-hash` picker goes by. */
export interface ConsistentHashOptions {
  readonly keyBy: HashKey;
  /**
   * Requests in flight that an endpoint may have, as a multiple of the mean, ≥ 1; one that has them is left out, and
   * who would have got it goes to the next. 0 = any number; default 0.
   */
  readonly maxLoadFactor?: number;
  /** Endpoints named, the pick and fallbacks; below 1 counts as 1; default 1. */
  readonly maxNumOfEndpoints?: number;
}

/**
 * Picks the same endpoint for the same key as long as it is a candidate, whatever the totals; when one comes or goes
 * only the keys move that it gets or had (rendezvous hashing over the ids of endpoints). Fallbacks are those that the key
 * would move to. A request without a key gets the highest total.
 */
export function createConsistentHashPicker(name: string, options: ConsistentHashOptions): Picker {
  const { keyBy, maxLoadFactor = 0, maxNumOfEndpoints = 1 } = options;
  const keyless = createMaxScorePicker(name, { maxNumOfEndpoints });
  const hashOf = perEndpoint(({ id }: EndpointInfo) => hashText(id));
  const byRank = (input: PickInput, key: number) => {
    const { candidates, endpoints } = input;
    const isFull = maxLoadFactor === 0 ? undefined : boundOf(input, maxLoadFactor);
    const ranks = new Float64Array(candidates.length);
    for (let i = 0; i < candidates.length; i++) {
      const endpoint = endpoints.at(candidates[i]);
      if (endpoint !== undefined) ranks[i] = deriveSeed(key, hashOf(endpoint));
      if (isFull?.(candidates[i])) ranks[i] -= 2 ** 32;
    }
    return takeHighest(candidates, ranks, toPickCount(maxNumOfEndpoints, candidates.length));
  };
  const pick = (input: PickInput) => {
    const key = toHash(input.facts, keyBy);
    return key === undefined ? keyless.pick(input) : byRank(input, key);
  };
  const again = (input: PickInput, recorded: readonly number[]) =>
    recorded.every((slot) => input.candidates.includes(slot)) && toHash(input.facts, keyBy) !== undefined
      ? [...recorded]
      : pick(input);
  return { name, type: "consistent-hash", pick, ...(maxLoadFactor === 0 ? {} : { again }) };
}

function toHash(facts: CycleFacts, keyBy: HashKey): number | undefined {
  if (keyBy.kind === "prompt-prefix") return hashOfPrefix(facts, keyBy.tokens);
  const text = textOf(facts, keyBy);
  return text === "" ? undefined : hashText(text);
}

function textOf(
  { sessionKey, headers, model }: CycleFacts,
  keyBy: Exclude<HashKey, { kind: "prompt-prefix" }>,
): string {
  if (keyBy.kind === "session") return sessionKey;
  return keyBy.kind === "model" ? model : (headerOf({ headers }, keyBy.name) ?? "");
}

/** Low word of the chained hash of the last block of the prefix: it covers the blocks before it. */
function hashOfPrefix({ blockHashes, blockSizeTokens }: CycleFacts, tokens: number): number | undefined {
  const blocks = Math.min(Math.max(Math.floor(tokens / blockSizeTokens), 1), blockHashes.length / 2);
  return blockSizeTokens === 0 || blocks === 0 ? undefined : blockHashes[2 * (blocks - 1)];
}

function hashText(text: string): number {
  return hashBytes(Buffer.from(text)).low;
}

/** Tells the endpoints that have their share of what is in flight, this request included: they come behind all others. */
function boundOf({ candidates, columns }: PickInput, factor: number): (slot: number) => boolean {
  const { inflightRequests } = columns;
  let total = 1;
  for (const slot of candidates) total += inflightRequests[slot];
  const most = Math.ceil((factor * total) / candidates.length);
  return (slot) => inflightRequests[slot] >= most;
}
