import type { Metric, Registry } from "prom-client";
import { BucketCounts, type BucketValue } from "../bucket-counts.ts";
import { type FamilySpec, prefix } from "./family-spec.ts";
import type { Turns } from "./turns.ts";

/** A series of a family as it stands. */
export interface Sample {
  /** Values of the family's labels, in its order. */
  readonly labels: readonly string[];
  readonly value: number | BucketCounts;
}

/** Where families are registered, and when they tell anything. */
export interface FamilyPlace {
  readonly registry: Registry;
  /** Whether there is anything to tell: `referenceMetrics` of the configuration in force. */
  readonly isOn: () => boolean;
  /** Between two families of many series the process does something else. */
  readonly turns: Turns;
}

/** Series that take a turn of the event loop of their own to write. */
const manySeries = 64;

/** Registers a family under its name and its older ones; all read the same samples when they are scraped. */
export function registerFamily(place: FamilyPlace, spec: FamilySpec, read: () => readonly Sample[]): void {
  const { registry, isOn, turns } = place;
  const { kind: type, about } = spec;
  const register = (name: string, help: string, labels: readonly string[], told: () => readonly Sample[]) => {
    const give = async (isShared: boolean) => {
      const samples = isOn() ? told() : [];
      if (samples.length > manySeries) await turns.next();
      return { name, help, type, values: samples.flatMap((sample) => toValues(name, labels, sample, isShared)) };
    };
    const metric = { name, help, type, get: () => give(false), getForPromString: () => give(true), reset() {} };
    registry.registerMetric(metric as unknown as Metric);
  };
  const current = `${prefix}${spec.name}`;
  register(current, about, spec.labels, read);
  for (const { name, labels } of spec.aliases) {
    const places = Object.values(labels).map((label) => spec.labels.indexOf(label));
    const told =
      places.length === spec.labels.length ? () => reorder(read(), places) : () => fold(read(), places, spec);
    register(name, `Older name of ${current}.`, Object.keys(labels), told);
  }
}

function toValues(name: string, names: readonly string[], { labels, value }: Sample, isShared: boolean) {
  const record = Object.fromEntries(names.map((label, i) => [label, labels[i] ?? ""]));
  if (value instanceof BucketCounts) return value.values(name, record, isShared);
  return [{ metricName: name, labels: record, value } satisfies BucketValue];
}

function reorder(samples: readonly Sample[], places: readonly number[]): readonly Sample[] {
  return samples.map(({ labels, value }) => ({ labels: places.map((place) => labels[place]), value }));
}

/** The same with fewer labels: what is alike then is summed up. */
function fold(samples: readonly Sample[], places: readonly number[], { bounds }: FamilySpec): readonly Sample[] {
  const folded = new Map<string, { readonly labels: readonly string[]; value: number | BucketCounts }>();
  for (const { labels, value } of samples) {
    const kept = places.map((place) => labels[place]);
    const key = kept.join("\0");
    let sum = folded.get(key);
    if (sum === undefined) {
      sum = { labels: kept, value: typeof value === "number" ? 0 : new BucketCounts(bounds!) };
      folded.set(key, sum);
    }
    if (typeof value === "number") sum.value = (sum.value as number) + value;
    else (sum.value as BucketCounts).add(value);
  }
  return [...folded.values()];
}
