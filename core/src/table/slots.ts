/** Somebody who keeps the endpoint table by slots, such as a plugin's session; a slot it may still know is not reused. */
export interface SlotHolder {
  /** Last revision it has taken over, with the removals in it; set by whoever holds. */
  ackedRev: number;
  /** It knows no slot any more. Idempotent. */
  close(): void;
}

const FREE = 0;
const USED = 1;
const RETIRED = 2;

/** What keeps a retired slot from its next endpoint. */
export interface ReuseRule {
  /** Revisions that must have been published behind the removal, so that no decision under way names the slot. */
  readonly afterRevs: number;
  /** Whether requests sent to the slot's last endpoint are not yet done. */
  isBusy(slot: number): boolean;
}

/** Numbers of endpoints: small integers, each given to its next endpoint only once nobody knows the last one by it. */
export class SlotSpace {
  readonly #limit: number;
  readonly #rule: ReuseRule;
  readonly #holders = new Set<SlotHolder>();
  #states: Uint8Array;
  #retiredRevs: Float64Array;
  #count = 0;
  /** No slot below it can be taken. */
  #lowest = 0;

  constructor(limit: number, rule: ReuseRule) {
    this.#limit = limit;
    this.#rule = rule;
    this.#states = new Uint8Array(16);
    this.#retiredRevs = new Float64Array(16);
  }

  /** Slots that have ever been in use: each is below it. */
  get count(): number {
    return this.#count;
  }

  /** The lowest slot that may be used, or -1 when there is none. `rev`: the last one published. */
  take(rev: number): number {
    const slot = this.#findFree(rev);
    if (slot < 0) return slot;
    if (slot === this.#states.length) this.#grow();
    this.#states[slot] = USED;
    this.#count = Math.max(this.#count, slot + 1);
    return slot;
  }

  /** The slot's endpoint has left; the first revision without it is `rev`. */
  retire(slot: number, rev: number): void {
    this.#states[slot] = RETIRED;
    this.#retiredRevs[slot] = rev;
    this.#lowest = Math.min(this.#lowest, slot);
  }

  /** A holder that knows everything up to `ackedRev`. */
  addHolder(ackedRev: number): SlotHolder {
    const holder = { ackedRev, close: () => void this.#holders.delete(holder) };
    this.#holders.add(holder);
    return holder;
  }

  #findFree(rev: number): number {
    const known = this.#knownRev(rev);
    let lowest = -1;
    for (let slot = this.#lowest; slot < this.#count; slot++) {
      const state = this.#states[slot];
      if (state === USED) continue;
      if (lowest < 0) this.#lowest = lowest = slot;
      if (state === FREE || (this.#retiredRevs[slot] <= known && !this.#rule.isBusy(slot))) return slot;
    }
    if (lowest < 0) this.#lowest = this.#count;
    return this.#count < this.#limit ? this.#count : -1;
  }

  /** Revision whose removals everybody knows. */
  #knownRev(rev: number): number {
    let known = rev - this.#rule.afterRevs;
    for (const { ackedRev } of this.#holders) known = Math.min(known, ackedRev);
    return known;
  }

  #grow(): void {
    const length = Math.min(this.#states.length * 2, this.#limit);
    const states = new Uint8Array(length);
    states.set(this.#states);
    const revs = new Float64Array(length);
    revs.set(this.#retiredRevs);
    this.#states = states;
    this.#retiredRevs = revs;
  }
}
