import type { ObservedRequest } from "../../scheduling/observer.ts";
import type { FamilyPlace } from "./register-family.ts";
import type { ClientLabels } from "./request-labels.ts";
import { schedulerFamilies } from "./scheduler-families.ts";
import { type Count, createCounts, type StoredFamily } from "./stored-family.ts";

/** Counts requests whose model a rule chose. */
export class RewriteDecisions {
  readonly #family: StoredFamily<Count>;
  readonly #clients: ClientLabels;
  readonly #series = new Map<string, Count>();

  constructor(place: FamilyPlace, clients: ClientLabels) {
    this.#family = createCounts(place, schedulerFamilies.rewrites);
    this.#clients = clients;
  }

  count({ rewriteRule, model, targetModel }: ObservedRequest): void {
    if (rewriteRule === "") return;
    const labels = [rewriteRule, this.#clients.model(model), this.#clients.model(targetModel)];
    const key = labels.join("\0");
    let count = this.#series.get(key);
    if (count === undefined) {
      count = this.#family.series(...labels);
      this.#series.set(key, count);
    }
    count.value++;
  }
}
