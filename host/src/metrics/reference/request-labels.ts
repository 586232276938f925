import { createLabelBudget, labelValue, maxLabelBytes, otherLabel } from "../labels.ts";

/** Most model names, and most tenants, that get series of their own; further ones are {@link otherLabel}. */
export const maxLabelValues = 1000;
/** Most requests told apart by all labels together: each may come to some hundred lines of the page. */
export const maxLabelSets = 1000;

/** What a request is labelled by, as it came. */
export interface LabelledRequest {
  readonly model: string;
  readonly targetModel: string;
  readonly fairnessId: string;
  readonly priority: number;
}

/** Labels for what clients choose: cleaned, cut, and bounded in number. */
export interface ClientLabels {
  model(name: string): string;
  fairnessId(id: string): string;
}

/** @param isConfigured whether the configuration names a model: such a name is never {@link otherLabel}. */
export function createClientLabels(isConfigured: (model: string) => boolean): ClientLabels {
  const models = createLabelBudget(maxLabelValues);
  const tenants = createLabelBudget(maxLabelValues);
  const known = new Map<string, string>();
  const admit = (name: string) => {
    const label = models.admit(name);
    return label === otherLabel && isConfigured(name) ? labelValue(name) : label;
  };
  return {
    model(name) {
      const made = known.get(name);
      if (made !== undefined) return made;
      const label = admit(name);
      const isKept = label !== otherLabel && known.size < maxLabelValues && name.length <= maxLabelBytes;
      if (isKept) known.set(name, label);
      return label;
    },
    fairnessId: (id) => tenants.admit(id),
  };
}

type ByPriority<T> = Map<number, T>;
type ByTenant<T> = Map<string, ByPriority<T>>;
type ByTarget<T> = Map<string, ByTenant<T>>;

/** Finds what is kept for a request's labels, by what it says: no label is made where the same was there before. */
export class RequestLabels<T> {
  readonly #clients: ClientLabels;
  readonly #make: (labels: readonly string[]) => T;
  /** By what requests say, as far as that is short. */
  readonly #known = new Map<string, ByTarget<T>>();
  #knownCount = 0;
  /** By their labels. */
  readonly #sets = new Map<string, T>();

  /** @param make what is kept for values of the labels of a request, in their order. */
  constructor(clients: ClientLabels, make: (labels: readonly string[]) => T) {
    this.#clients = clients;
    this.#make = make;
  }

  of(request: LabelledRequest): T {
    const { model, targetModel, fairnessId, priority } = request;
    return this.#known.get(model)?.get(targetModel)?.get(fairnessId)?.get(priority) ?? this.#find(request);
  }

  #find(request: LabelledRequest): T {
    const found = this.#findSet(request);
    const { model, targetModel, fairnessId, priority } = request;
    const longest = Math.max(model.length, targetModel.length, fairnessId.length);
    if (this.#knownCount >= maxLabelSets || longest > maxLabelBytes) return found;
    this.#knownCount++;
    const byTarget = ensure<string, ByTarget<T>>(this.#known, model, () => new Map());
    const byTenant = ensure<string, ByTenant<T>>(byTarget, targetModel, () => new Map());
    ensure<string, ByPriority<T>>(byTenant, fairnessId, () => new Map()).set(priority, found);
    return found;
  }

  #findSet({ model, targetModel, fairnessId, priority }: LabelledRequest): T {
    const own = [this.#clients.model(model), this.#clients.model(targetModel), this.#clients.fairnessId(fairnessId)];
    const labels = [...own, String(priority)];
    if (this.#sets.size < maxLabelSets || this.#sets.has(keyOf(labels))) return this.#set(labels);
    return this.#set([otherLabel, otherLabel, otherLabel, String(priority)]);
  }

  #set(labels: readonly string[]): T {
    return ensure(this.#sets, keyOf(labels), () => this.#make(labels));
  }
}

/** No label has a control character in it. */
function keyOf(labels: readonly string[]): string {
  return labels.join("\0");
}

function ensure<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  return made;
}
