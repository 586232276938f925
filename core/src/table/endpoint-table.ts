import type { EndpointSnapshot, InflightColumns } from "../contract/index.ts";
import { type EndpointChange, type EndpointInfo, OutriderError } from "../contract/index.ts";
import { ColumnStore } from "./column-store.ts";
import { liveSlots, sameLabels, sameSets, toSets } from "./endpoint-info.ts";
import { createInflight, enlargeInflight, isInflightKey } from "./inflight.ts";
import { createSnapshot } from "./published-snapshot.ts";
import { type SlotHolder, SlotSpace } from "./slots.ts";
import {
  type EndpointEntry,
  type EndpointTable,
  type EndpointTableOptions,
  type PublishListener,
  tableLimits,
} from "./types.ts";

/** An empty table. */
export function createEndpointTable(options: EndpointTableOptions): EndpointTable {
  return new Table(options);
}

class Table implements EndpointTable {
  readonly #epoch: number;
  readonly #ringSize: number;
  readonly #store: ColumnStore;
  readonly #slots: SlotSpace;
  readonly #slotOf = new Map<string, number>();
  readonly #listeners = new Set<PublishListener>();
  /** The snapshots kept, newest last. */
  readonly #ring: EndpointSnapshot[];
  /** Endpoints by slot, copied before a change once a snapshot has them. */
  #infos: (EndpointInfo | undefined)[] = [];
  #infosShared = false;
  #ready = new Uint8Array(16);
  #scrapes = new Float64Array(16);
  #inflight: InflightColumns = createInflight(16);
  #dirty = false;
  /** Slots whose endpoint left, and slots whose info changed, since the last snapshot. */
  #removed = new Set<number>();
  #changed = new Set<number>();
  #live: readonly number[] = [];

  constructor({ epoch, extraColumns = [], ringSize = 16 }: EndpointTableOptions) {
    this.#epoch = epoch >>> 0;
    this.#ringSize = Math.max(1, ringSize);
    this.#store = new ColumnStore(extraColumns, tableLimits.columns);
    this.#slots = new SlotSpace(tableLimits.slots, {
      afterRevs: this.#ringSize,
      isBusy: (slot) => this.#inflight.requests[slot] !== 0,
    });
    this.#ring = [this.#snapshot(0, 0)];
  }

  get current(): EndpointSnapshot {
    return this.#ring[this.#ring.length - 1];
  }

  get inflight(): InflightColumns {
    return this.#inflight;
  }

  upsert(entry: EndpointEntry): number {
    const slot = this.#slotOf.get(entry.id);
    if (slot === undefined) return this.#insert(entry);
    const info = this.#info(slot);
    const moved = info.address !== entry.address;
    if (moved) this.forget(slot);
    const next: EndpointInfo = {
      ...info,
      address: entry.address,
      labels: { ...entry.labels },
      sets: entry.sets === undefined ? (moved ? {} : info.sets) : toSets(entry.sets),
      incarnation: moved ? info.incarnation + 1 : info.incarnation,
    };
    if (moved || !sameLabels(info.labels, next.labels) || !sameSets(info.sets, next.sets)) this.#write(slot, next);
    return slot;
  }

  remove(id: string): boolean {
    const slot = this.#slotOf.get(id);
    if (slot === undefined) return false;
    this.#slotOf.delete(id);
    this.#store.clear(slot);
    this.#ready[slot] = 0;
    this.#slots.retire(slot, this.current.rev + 1);
    if (this.current.at(slot)?.id === id) this.#removed.add(slot);
    this.#write(slot, undefined);
    return true;
  }

  slotOf(id: string): number {
    return this.#slotOf.get(id) ?? -1;
  }

  setSets(slot: number, sets: Readonly<Record<string, readonly string[]>>): void {
    const info = this.#infos[slot];
    if (info === undefined) return;
    const next = { ...info.sets, ...toSets(sets) };
    if (!sameSets(info.sets, next)) this.#write(slot, { ...info, sets: next });
  }

  forgetSets(slot: number, names: readonly string[]): void {
    const info = this.#infos[slot];
    if (info === undefined || !names.some((name) => Object.hasOwn(info.sets, name))) return;
    const sets = Object.fromEntries(Object.entries(info.sets).filter(([name]) => !names.includes(name)));
    this.#write(slot, { ...info, sets });
  }

  restarted(slot: number): void {
    const info = this.#infos[slot];
    if (info !== undefined) this.#write(slot, { ...info, incarnation: info.incarnation + 1 });
  }

  column(key: string): number {
    if (isInflightKey(key)) throw new RangeError(`${key} is no measured column: leases fill it`);
    if (this.#store.indexOf(key) < 0) this.#dirty = true;
    return this.#store.add(key, tableLimits.columns);
  }

  setValue(slot: number, key: string, value: number, atMs: number): void {
    if (this.#infos[slot] === undefined) return;
    const column = this.#store.indexOf(key);
    const known = column < 0 ? this.column(key) : column;
    if (this.#store.set(known, slot, value, Math.floor(atMs))) this.#dirty = true;
  }

  setValues(slot: number, columns: readonly number[], values: ArrayLike<number>, atMs: number): void {
    if (this.#infos[slot] === undefined) return;
    this.#scrapes[slot]++;
    const time = Math.floor(atMs);
    for (let i = 0; i < columns.length; i++) {
      if (this.#store.set(columns[i], slot, values[i], time)) this.#dirty = true;
    }
  }

  scrapes(slot: number): number {
    return this.#scrapes[slot] ?? 0;
  }

  forget(slot: number): void {
    if (this.#infos[slot] !== undefined && this.#store.clear(slot)) this.#dirty = true;
  }

  setReady(slot: number, ready: boolean): void {
    const value = ready ? 1 : 0;
    if (this.#infos[slot] === undefined || this.#ready[slot] === value) return;
    this.#ready[slot] = value;
    this.#dirty = true;
  }

  publish(nowMs: number): EndpointSnapshot {
    const previous = this.current;
    if (!this.#dirty) return previous;
    if (this.#removed.size > 0 || this.#changed.size > 0) this.#live = liveSlots(this.#infos);
    const snapshot = this.#snapshot(previous.rev + 1, nowMs);
    const change = this.#takeChange();
    this.#dirty = false;
    this.#ring.push(snapshot);
    if (this.#ring.length > this.#ringSize) this.#ring.shift();
    for (const listener of this.#listeners) listener(snapshot, change, previous);
    return snapshot;
  }

  at(rev: number): EndpointSnapshot | undefined {
    return this.#ring[rev - this.#ring[0].rev];
  }

  onPublish(listener: PublishListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  addHolder(): SlotHolder {
    return this.#slots.addHolder(this.current.rev);
  }

  #insert(entry: EndpointEntry): number {
    const slot = this.#slots.take(this.current.rev);
    if (slot < 0) {
      const message = `no slot is left for endpoint ${entry.id}: a table has at most ${tableLimits.slots}`;
      throw new OutriderError("ENDPOINTS_INVALID", message);
    }
    this.#reserve(this.#slots.count);
    this.#slotOf.set(entry.id, slot);
    const { id, address, labels, sets = {} } = entry;
    this.#write(slot, { slot, id, address, labels: { ...labels }, sets: toSets(sets), incarnation: 0 });
    return slot;
  }

  #info(slot: number): EndpointInfo {
    const info = this.#infos[slot];
    if (info === undefined) throw new Error(`slot ${slot} has no endpoint`);
    return info;
  }

  #write(slot: number, info: EndpointInfo | undefined): void {
    if (this.#infosShared) this.#infos = [...this.#infos];
    this.#infosShared = false;
    while (this.#infos.length < slot) this.#infos.push(undefined);
    this.#infos[slot] = info;
    if (info === undefined) this.#changed.delete(slot);
    else this.#changed.add(slot);
    this.#dirty = true;
  }

  #reserve(slotCount: number): void {
    this.#store.reserve(slotCount);
    if (slotCount <= this.#ready.length) return;
    const ready = new Uint8Array(2 * this.#ready.length);
    ready.set(this.#ready);
    this.#ready = ready;
    const scrapes = new Float64Array(ready.length);
    scrapes.set(this.#scrapes);
    this.#scrapes = scrapes;
    this.#inflight = enlargeInflight(this.#inflight, ready.length);
  }

  #snapshot(rev: number, takenAtMs: number): EndpointSnapshot {
    this.#infosShared = true;
    return createSnapshot({
      epoch: this.#epoch,
      rev,
      takenAtMs,
      infos: this.#infos,
      live: this.#live,
      ready: this.#ready,
      store: this.#store,
    });
  }

  #takeChange(): EndpointChange {
    const removedSlots = [...this.#removed].sort((a, b) => a - b);
    const upserted = [...this.#changed].sort((a, b) => a - b).map((slot) => this.#info(slot));
    this.#removed.clear();
    this.#changed.clear();
    return { removedSlots, upserted };
  }
}
