import type { EndpointChange, EndpointInfo } from "@outrider/plugin-sdk";
import { EndpointWork } from "./endpoint-work.ts";
import type { EndpointModel } from "./linear-model.ts";

/** What is learned of: time to the first token of a streamed answer, to a whole one, and the gap between tokens. */
export const kinds = ["first", "whole", "gap"] as const;

/** One of {@link kinds}. */
export type Kind = (typeof kinds)[number];

/** What is known of one endpoint. */
export interface KnownEndpoint {
  readonly id: string;
  readonly incarnation: number;
  /** What it was sent; nothing after a restart. */
  readonly work: EndpointWork;
  /** Its models; kept over a restart, since the hardware is the same. */
  readonly models: { [kind in Kind]: EndpointModel | undefined };
}

/** The endpoints of a pool by slot, and what was handed over of those that have not come yet. */
export class KnownEndpoints {
  readonly #bySlot: (KnownEndpoint | undefined)[] = [];
  readonly #expected = new Map<string, KnownEndpoint["models"]>();

  at(slot: number): KnownEndpoint | undefined {
    return this.#bySlot[slot];
  }

  /** All that are there. */
  all(): readonly KnownEndpoint[] {
    return this.#bySlot.filter((endpoint) => endpoint !== undefined);
  }

  /** Forgets what left and whatever a slot held before. */
  change({ removedSlots, upserted }: EndpointChange): void {
    for (const slot of removedSlots) this.#bySlot[slot] = undefined;
    for (const info of upserted) this.#put(info);
  }

  /** Gives an endpoint models that were learned before, now or when it comes; its own go first. */
  expect(id: string, models: KnownEndpoint["models"]): void {
    const here = this.#bySlot.find((endpoint) => endpoint?.id === id);
    if (here === undefined) this.#expected.set(id, models);
    else for (const kind of kinds) here.models[kind] ??= models[kind];
  }

  #put({ slot, id, incarnation }: EndpointInfo): void {
    const known = this.#bySlot[slot];
    if (known?.id === id && known.incarnation === incarnation) return;
    const kept = known?.id === id ? known.models : this.#expected.get(id);
    this.#expected.delete(id);
    const models = kept ?? { first: undefined, whole: undefined, gap: undefined };
    this.#bySlot[slot] = { id, incarnation, work: new EndpointWork(), models };
  }
}
