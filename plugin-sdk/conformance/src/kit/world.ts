import { isInflightKey } from "./instance.ts";

/** A value and when it was measured; `NaN` = unknown. */
export interface TimedValue {
  readonly value: number;
  /** Whole ms of the virtual clock. */
  readonly atMs: number;
}

/** A made-up model server. */
export interface WorldEndpoint {
  readonly id: string;
  readonly address: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly sets: Readonly<Record<string, readonly string[]>>;
  readonly incarnation: number;
  /** By key of the column. */
  readonly values: ReadonlyMap<string, TimedValue>;
}

/** A made-up endpoint table at one revision; never changed, only replaced. */
export interface World {
  readonly rev: number;
  /** The virtual clock at this revision, ms. */
  readonly nowMs: number;
  /** By slot, ascending. */
  readonly endpoints: ReadonlyMap<number, WorldEndpoint>;
}

/** Makes endpoint tables and changes to them, all from one seed. */
export interface WorldMaker {
  /** A table of so many endpoints in slots from 0, all values known. */
  create(size: number): World;
  /** The next revision, with another endpoint table. */
  next(world: World, change: (endpoints: Map<number, WorldEndpoint>) => void): World;
  /** An endpoint that was never there before. */
  endpoint(nowMs: number): WorldEndpoint;
  /** The same endpoint with fresh values. */
  remeasure(endpoint: WorldEndpoint, nowMs: number): WorldEndpoint;
}

/** Where the virtual clock begins: long ago, so that a plugin's own clock shows. */
const epochMs = Date.UTC(2020, 0, 1);

/** Names of models and adapters, one of them not ASCII. */
const names = ["llama", "qwen", "mistral", "modèle-ü-模型"] as const;

/** @param keys columns that have values. @param random from the seed of the run. */
export function createWorldMaker(keys: readonly string[], random: () => number): WorldMaker {
  let made = 0;
  const measure = (atMs: number) => new Map(keys.map((key) => [key, { value: makeValue(key, random), atMs }]));
  const maker: WorldMaker = {
    create(size) {
      const nowMs = epochMs + Math.floor(random() * 1e9);
      const endpoints = new Map(Array.from({ length: size }, (_, slot) => [slot, maker.endpoint(nowMs - 40)]));
      return { rev: 1, nowMs, endpoints };
    },
    next(world, change) {
      const nowMs = world.nowMs + 50;
      const endpoints = new Map(world.endpoints);
      change(endpoints);
      const ascending = new Map([...endpoints].sort(([a], [b]) => a - b));
      return { rev: world.rev + 1, nowMs, endpoints: ascending };
    },
    endpoint(nowMs) {
      made += 1;
      return {
        id: `verify/pod-${made}`,
        address: `10.${(made >> 16) & 255}.${(made >> 8) & 255}.${made & 255}:8000`,
        labels: { zone: `zone-${made % 3}`, name: names[made % names.length]! },
        sets: { models: [names[0], names[made % names.length]!], adapters_running: [], adapters_waiting: [] },
        incarnation: 0,
        values: measure(nowMs),
      };
    },
    remeasure: (endpoint, nowMs) => ({ ...endpoint, values: measure(nowMs) }),
  };
  return maker;
}

function makeValue(key: string, random: () => number): number {
  if (key === "kv_cache_usage") return Math.fround(random());
  if (key === "kv_block_tokens") return 16;
  if (key === "kv_total_blocks") return 1_000 + Math.floor(random() * 9_000);
  return Math.floor(random() * (isInflightKey(key) ? 12 : 24));
}

/** An endpoint with one value replaced. */
export function withValue(endpoint: WorldEndpoint, key: string, value: number, atMs: number): WorldEndpoint {
  return { ...endpoint, values: new Map(endpoint.values).set(key, { value, atMs }) };
}

/** An endpoint that nothing was measured of; what the host itself has sent to it stays known. */
export function withoutValues(endpoint: WorldEndpoint): WorldEndpoint {
  return { ...endpoint, values: new Map([...endpoint.values].filter(([key]) => isInflightKey(key))) };
}

/** Slots that are taken, ascending. */
export function slotsOf({ endpoints }: World): readonly number[] {
  return [...endpoints.keys()];
}
