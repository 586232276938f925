import type { EndpointInfo, EndpointSnapshot } from "@outrider/core";

/** Sets of an endpoint that name its LoRA adapters. */
const adapterSets = ["adapters", "adapters_running", "adapters_waiting"] as const;

/** What the endpoints of one snapshot serve, by their own word. */
export interface ServedModels {
  /** Whether a name is that of an adapter of some endpoint. */
  isAdapter(model: string): boolean;
  /** Whether one of the endpoints serves a model; one that does not tell its models may serve any. */
  isServed(model: string, slots: Uint32Array): boolean;
}

let last: { readonly snapshot: EndpointSnapshot; readonly served: SlotModels } | undefined;

/** Kept for the last snapshot, and from one to the next as long as no endpoint has changed. */
export function servedModelsOf(snapshot: EndpointSnapshot): ServedModels {
  if (last?.snapshot !== snapshot) {
    const served = last?.served.isOf(snapshot) ? last.served : new SlotModels(snapshot);
    last = { snapshot, served };
  }
  return last.served;
}

class SlotModels implements ServedModels {
  /** Endpoints by slot, as they were when this was made. */
  readonly #infos: readonly (EndpointInfo | undefined)[];
  readonly #adapters = new Set<string>();
  readonly #slotsByModel = new Map<string, Set<number>>();
  /** 1 where the endpoint does not tell its models, by slot. */
  readonly #isSilent: Uint8Array;
  /** Slots that were last asked about, and whether one of them is silent: most requests may go to the same ones. */
  #asked: Uint32Array | undefined;
  #hasSilent = false;
  readonly #isServed = new Map<string, boolean>();

  constructor(snapshot: EndpointSnapshot) {
    this.#infos = Array.from({ length: snapshot.slotCount }, (_, slot) => snapshot.at(slot));
    this.#isSilent = new Uint8Array(snapshot.slotCount);
    for (const slot of snapshot.live) this.#note(slot);
  }

  /** Whether another snapshot has the same endpoints, and they say the same. */
  isOf(snapshot: EndpointSnapshot): boolean {
    if (snapshot.slotCount !== this.#infos.length) return false;
    for (let slot = 0; slot < snapshot.slotCount; slot++) if (snapshot.at(slot) !== this.#infos[slot]) return false;
    return true;
  }

  isAdapter(model: string): boolean {
    return this.#adapters.has(model);
  }

  isServed(model: string, slots: Uint32Array): boolean {
    if (slots !== this.#asked) this.#begin(slots);
    if (this.#hasSilent) return true;
    const serving = this.#slotsByModel.get(model);
    if (serving === undefined) return false;
    const known = this.#isServed.get(model);
    if (known !== undefined) return known;
    const isServed = slots.some((slot) => serving.has(slot));
    this.#isServed.set(model, isServed);
    return isServed;
  }

  #begin(slots: Uint32Array): void {
    this.#asked = slots;
    this.#hasSilent = slots.some((slot) => this.#isSilent[slot] === 1);
    this.#isServed.clear();
  }

  #note(slot: number): void {
    const sets = this.#infos[slot]?.sets ?? {};
    const { models = [] } = sets;
    if (models.length === 0) this.#isSilent[slot] = 1;
    for (const model of models) this.#add(model, slot);
    for (const set of adapterSets) {
      for (const adapter of sets[set] ?? []) {
        this.#adapters.add(adapter);
        this.#add(adapter, slot);
      }
    }
  }

  #add(model: string, slot: number): void {
    const slots = this.#slotsByModel.get(model);
    if (slots === undefined) this.#slotsByModel.set(model, new Set([slot]));
    else slots.add(slot);
  }
}
