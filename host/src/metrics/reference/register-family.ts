import type { Metric, Registry } from "prom-client";
import { BucketCounts, type BucketValue } from "../bucket-counts.ts";
import { type FamilySpec, prefix } from "./family-spec.ts";
import { writeLines } from "./page-text.ts";
import type { Turns } from "./turns.ts";

/** A series of a family as it stands. */
export interface Sample {
  /** Values of the family's labels, in its order. */
  readonly labels: readonly string[];
  /** Finite where it is a number. */
  readonly value: number | BucketCounts;
}

/** Where families are registered, and when they tell anything. */
export interface FamilyPlace {
  readonly registry: Registry;
  /** Whether there is anything to tell: `referenceMetrics` of the configuration in force. */
  readonly isOn: () => boolean;
  /** Shared by all families that are written at once. */
  readonly turns: Turns;
}

/** Registers a family under its name and its older ones; all read the same samples when they are scraped. */
export function registerFamily(place: FamilyPlace, spec: FamilySpec, read: () => readonly Sample[]): void {
  const current = `${prefix}${spec.name}`;
  const { kind, about, labels } = spec;
  register(place, { name: current, kind, about, labels, read });
  for (const alias of spec.aliases) {
    const names = Object.keys(alias.labels);
    const places = Object.values(alias.labels).map((label) => labels.indexOf(label));
    const isWhole = places.length === labels.length;
    const told = isWhole ? () => reorder(read(), places) : () => fold(read(), places, spec);
    register(place, { name: alias.name, kind, about: `Older name of ${current}.`, labels: names, read: told });
  }
}

/** A family under one of its names. */
interface NamedFamily extends Pick<FamilySpec, "name" | "kind" | "about" | "labels"> {
  readonly read: () => readonly Sample[];
}

function register({ registry, isOn, turns }: FamilyPlace, family: NamedFamily): void {
  const { name, kind, about, labels, read } = family;
  const common = { name, help: about, type: kind };
  const metric = {
    ...common,
    get: async () => ({ ...common, values: isOn() ? read().flatMap((sample) => toValues(name, labels, sample)) : [] }),
    getForPromString: async () => ({ ...common, values: isOn() ? await toWritten(family, turns) : [] }),
    reset() {},
  };
  registry.registerMetric(metric as unknown as Metric);
}

/**
 * All series but the last are lines already, in front of the first value of that one: to have the library write each takes
 * several times as long, and blocks the process meanwhile.
 */
async function toWritten({ name, labels, read }: NamedFamily, turns: Turns): Promise<readonly BucketValue[]> {
  const samples = read();
  const last = samples.at(-1);
  if (last === undefined) return [];
  const lines = await writeLines(name, labels, samples.slice(0, -1), turns);
  const [first, ...others] = toValues(name, labels, last);
  return [{ ...first!, metricName: lines + first!.metricName }, ...others];
}

function toValues(name: string, names: readonly string[], { labels, value }: Sample): readonly BucketValue[] {
  const record = Object.fromEntries(names.map((label, i) => [label, labels[i] ?? ""]));
  return value instanceof BucketCounts ? value.values(name, record) : [{ metricName: name, labels: record, value }];
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
