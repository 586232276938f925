import type { DecisionRecord, EndpointInfo, EndpointSnapshot } from "@outrider/core";
import { otherLabel } from "../labels.ts";
import { toEndpointName } from "./endpoint-name.ts";
import type { FamilyPlace } from "./register-family.ts";
import type { ClientLabels } from "./request-labels.ts";
import { schedulerFamilies } from "./scheduler-families.ts";
import { type Count, createCounts, type StoredFamily } from "./stored-family.ts";

/** Series at most: models × endpoints, and endpoints come and go. */
const maxSeries = 10_000;

/** Labels of an attempt that found no endpoint. */
const noEndpoint = ["", "", ""] as const;

/** Counts scheduling cycles by the endpoint they found. */
export class Attempts {
  readonly #family: StoredFamily<Count>;
  readonly #clients: ClientLabels;
  readonly #byKey = new Map<string, Count>();
  readonly #endpointKeys = new WeakMap<EndpointInfo, string>();
  /** Endpoints there were when series of others were last looked for. */
  #searched: EndpointSnapshot["live"] | undefined;

  constructor(place: FamilyPlace, clients: ClientLabels) {
    this.#family = createCounts(place, schedulerFamilies.attempts);
    this.#clients = clients;
  }

  count({ destination, snapshot, facts }: Pick<DecisionRecord, "destination" | "snapshot" | "facts">): void {
    const endpoint = destination.length === 0 ? undefined : snapshot.at(destination[0]);
    const model = this.#clients.model(facts.model);
    const key = `${endpoint === undefined ? "" : this.#keyOf(endpoint)}\0${model}`;
    const count = this.#byKey.get(key) ?? this.#make(key, model, endpoint, snapshot);
    count.value++;
  }

  #keyOf(endpoint: EndpointInfo): string {
    let key = this.#endpointKeys.get(endpoint);
    if (key === undefined) {
      key = labelsOf(endpoint).join("\0");
      this.#endpointKeys.set(endpoint, key);
    }
    return key;
  }

  #make(key: string, model: string, endpoint: EndpointInfo | undefined, snapshot: EndpointSnapshot): Count {
    if (this.#family.size >= maxSeries) this.#makeRoom(snapshot);
    const status = endpoint === undefined ? "failure" : "success";
    if (this.#family.size >= maxSeries) return this.#other(status);
    const made = this.#family.series(status, model, ...(endpoint === undefined ? noEndpoint : labelsOf(endpoint)));
    this.#byKey.set(key, made);
    return made;
  }

  /** Counts what would be one series too many. */
  #other(status: "success" | "failure"): Count {
    const key = status === "failure" ? `\0${otherLabel}` : status;
    const known = this.#byKey.get(key);
    if (known !== undefined) return known;
    const made = this.#family.series(status, otherLabel, ...noEndpoint);
    this.#byKey.set(key, made);
    return made;
  }

  /** Takes out the series of endpoints that have left. */
  #makeRoom({ live, at }: EndpointSnapshot): void {
    if (this.#searched === live) return;
    this.#searched = live;
    const here = new Set([noEndpoint.join("\0")]);
    for (const slot of live) here.add(this.#keyOf(at(slot)!));
    const isHere = (labels: readonly string[]) => here.has(labels.slice(2).join("\0"));
    this.#family.keep(isHere);
    for (const [key, { labels }] of this.#byKey) if (!isHere(labels)) this.#byKey.delete(key);
  }
}

function labelsOf(endpoint: EndpointInfo): readonly [name: string, namespace: string, port: string] {
  const { name, namespace, port } = toEndpointName(endpoint);
  return [name, namespace, port];
}
