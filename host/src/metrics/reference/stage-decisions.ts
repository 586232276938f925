import { type DecisionRecord, encodeHeader, type Plan, prefillHeader } from "@outrider/core";
import type { FamilyPlace } from "./register-family.ts";
import type { ClientLabels } from "./request-labels.ts";
import { schedulerFamilies } from "./scheduler-families.ts";
import { type Count, createCounts, type StoredFamily } from "./stored-family.ts";

/** Counts by which stages of requests got endpoints of their own. */
export class StageDecisions {
  readonly #families: ReadonlyMap<string, StoredFamily<Count>>;
  readonly #clients: ClientLabels;
  readonly #series = new Map<string, Count>();

  constructor(place: FamilyPlace, clients: ClientLabels) {
    this.#families = new Map([
      ["disagg-profile-handler", createCounts(place, schedulerFamilies.disagg)],
      ["pd-profile-handler", createCounts(place, schedulerFamilies.pd)],
    ]);
    this.#clients = clients;
  }

  count({ handler: { name, type } }: Plan, { destination, facts, routing }: DecisionRecord): void {
    const family = this.#families.get(type);
    if (family === undefined || destination.length === 0) return;
    const model = this.#clients.model(facts.model) || "unknown";
    const decision = toDecisionType(routing.setHeaders.map(([header]) => header));
    const key = [name, type, model, decision].join("\0");
    let count = this.#series.get(key);
    if (count === undefined) {
      count = family.series(name, type, model, decision);
      this.#series.set(key, count);
    }
    count.value++;
  }
}

function toDecisionType(headers: readonly string[]): string {
  const stages = [headers.includes(encodeHeader) && "encode", headers.includes(prefillHeader) && "prefill"];
  const apart = stages.filter((stage) => stage !== false);
  return apart.length === 0 ? "decode-only" : [...apart, "decode"].join("-");
}
