import { deriveSeed } from "@outrider/core";
import type { Arrival, LabRequest, Workload } from "../contract/index.ts";
import { type Arrivals, arrivalTimes } from "./arrivals.ts";
import { type Random, randomOf } from "./draws.ts";
import { mergeArrivals } from "./merge.ts";
import type { Part, PartContext } from "./part.ts";

/** A workload as it is written, checked. */
export interface WorkloadSpec {
  /** Of all parts that have none of their own. */
  readonly arrivals?: Arrivals | undefined;
  /** At least one. */
  readonly parts: readonly Part[];
}

/** Folder of a scenario, and how messages name it. */
export type WorkloadPlace = Pick<PartContext, "folder" | "shownFolder">;

/** A part and what it takes part with. */
interface OpenPart {
  readonly part: Part;
  readonly context: PartContext;
  /** Of when its requests arrive. */
  readonly timeSeed: number;
}

/** Arrivals that are handed on at once. */
const batchSize = 64;

/** Parts side by side, in the order of their arrivals. */
export function createWorkload(spec: WorkloadSpec, place: WorkloadPlace): Workload {
  const names = namesOf(spec.parts);
  return {
    open(seed) {
      const parts = spec.parts.map((part, i): OpenPart => {
        const own = deriveSeed(part.kind === "recorded" ? 0 : seed, i);
        const context = { ...place, name: names[i]!, seed: deriveSeed(own, 0), space: deriveSeed(own, 1) };
        return { part, context, timeSeed: deriveSeed(own, 2) };
      });
      return mergeArrivals([...parts.flatMap(openOwn), ...openShared(spec, parts, deriveSeed(~seed, 0))]);
    },
  };
}

/** Names of parts in results: as written, or what they are, numbered where several are the same. */
export function namesOf(parts: readonly Pick<Part, "name" | "type">[]): readonly string[] {
  const taken = new Set(parts.map(({ name }) => name));
  return parts.map(({ name, type }) => {
    if (name !== undefined) return name;
    let free = type;
    for (let i = 2; taken.has(free); i++) free = `${type}-${i}`;
    taken.add(free);
    return free;
  });
}

/** A part with times of its own. */
function openOwn({ part, context, timeSeed }: OpenPart): readonly AsyncIterable<readonly Arrival[]>[] {
  if (part.kind === "recorded") return [part.open(context)];
  if (part.arrivals === undefined) return [];
  return [inBatches(arrivalTimes(part.arrivals, randomOf(timeSeed, 0)), part.open(context))];
}

/** Parts that share the arrivals of the workload, each arrival drawn for one of them. */
function openShared({ arrivals }: WorkloadSpec, parts: readonly OpenPart[], seed: number) {
  const sharing = parts.flatMap(({ part, context }) =>
    part.kind === "made" && part.arrivals === undefined ? [{ share: part.share ?? 1, next: part.open(context) }] : [],
  );
  if (arrivals === undefined || sharing.length === 0) return [];
  return [inBatches(arrivalTimes(arrivals, randomOf(seed, 0)), drawPart(sharing, randomOf(seed, 1)))];
}

/** Makes each request by one of the parts, as often as their shares say. */
function drawPart(parts: readonly { share: number; next: () => LabRequest }[], random: Random): () => LabRequest {
  const ends: number[] = [];
  for (const { share } of parts) ends.push((ends.at(-1) ?? 0) + share);
  const total = ends.at(-1)!;
  return () => {
    const drawn = parts.length === 1 ? 0 : random() * total;
    return parts[ends.findIndex((end) => drawn < end)]!.next();
  };
}

/** A request for each time. */
async function* inBatches(
  times: Iterable<number>,
  next: () => LabRequest,
): AsyncGenerator<readonly Arrival[], void, void> {
  let batch: Arrival[] = [];
  for (const atMs of times) {
    batch.push({ atMs, request: next() });
    if (batch.length < batchSize) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}
