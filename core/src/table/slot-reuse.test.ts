import fc from "fast-check";
import { expect, it } from "vitest";
import { createEndpointTable } from "./endpoint-table.ts";
import { createLeases, type Lease } from "./leases.ts";
import type { SlotHolder } from "./slots.ts";
import type { EndpointTable } from "./types.ts";

const RING = 3;
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("upsert" as const), id: fc.nat(6) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("remove" as const), id: fc.nat(6) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("write" as const), id: fc.nat(6), value: fc.nat(1_000) }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("publish" as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("hold" as const) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("ack" as const), holder: fc.nat(3), lag: fc.nat(2) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("close" as const), holder: fc.nat(3) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("open" as const), id: fc.nat(6) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("end" as const), lease: fc.nat(9) }) },
);
type TestStep = typeof step extends fc.Arbitrary<infer S> ? S : never;

/** A session's copy of the table: names by slot as of the revision it has acknowledged. */
interface Replica {
  readonly holder: SlotHolder;
  names: ReadonlyMap<number, string>;
}

/** What should be true, kept by name and never by slot. */
class Model {
  readonly table: EndpointTable = createEndpointTable({ epoch: 1, ringSize: RING });
  readonly leases = createLeases(this.table);
  readonly values = new Map<string, number>();
  readonly replicas: Replica[] = [];
  readonly open: { readonly name: string; readonly lease: Lease }[] = [];
  readonly history: ReadonlyMap<number, string>[] = [new Map()];

  run(event: TestStep): void {
    switch (event.kind) {
      case "upsert":
        this.table.upsert({ id: `e${event.id}`, address: `e${event.id}:1`, labels: {} });
        if (!this.values.has(`e${event.id}`)) this.values.set(`e${event.id}`, Number.NaN);
        break;
      case "remove":
        this.table.remove(`e${event.id}`);
        this.values.delete(`e${event.id}`);
        break;
      case "write":
        this.#write(`e${event.id}`, event.value);
        break;
      case "publish":
        this.#publish();
        break;
      case "hold":
        if (this.replicas.length < 4) this.replicas.push({ holder: this.table.addHolder(), names: this.#names() });
        break;
      case "ack":
        this.#ack(this.replicas[event.holder], event.lag);
        break;
      case "close":
        for (const { holder } of this.replicas.splice(event.holder, 1)) holder.close();
        break;
      case "open":
        this.#open(`e${event.id}`);
        break;
      case "end":
        for (const { lease } of this.open.splice(event.lease, 1)) lease.end();
        break;
    }
  }

  #write(name: string, value: number): void {
    const slot = this.table.slotOf(name);
    if (slot < 0) return;
    this.table.setValue(slot, "waiting_requests", value, 1);
    this.values.set(name, value);
  }

  #publish(): void {
    const { rev } = this.table.current;
    if (this.table.publish(rev + 1).rev > rev) this.history.push(this.#names());
  }

  #ack(replica: Replica | undefined, lag: number): void {
    if (replica === undefined) return;
    replica.holder.ackedRev = Math.max(replica.holder.ackedRev, this.table.current.rev - lag);
    replica.names = this.history[replica.holder.ackedRev];
  }

  #open(name: string): void {
    const { current } = this.table;
    const slot = [...current.live].find((live) => current.at(live)?.id === name);
    if (slot !== undefined) this.open.push({ name, lease: this.leases.open(slot, 10, 5, 1) });
  }

  #names(): ReadonlyMap<number, string> {
    const { current } = this.table;
    return new Map([...current.live].map((slot) => [slot, current.at(slot)?.id ?? ""]));
  }

  check(): void {
    const { current } = this.table;
    const known = [...this.replicas.map(({ names }) => names), ...this.history.slice(-RING)];
    for (const slot of current.live) {
      const name = current.at(slot)?.id ?? "";
      for (const names of known) expect(names.get(slot) ?? name).toBe(name);
      const open = this.open.filter((lease) => lease.name === name && lease.lease.slot === slot).length;
      expect(this.table.inflight.requests[slot]).toBe(open);
    }
  }

  checkValues(): void {
    const { current } = this.table;
    expect(new Set([...current.live].map((slot) => current.at(slot)?.id))).toEqual(new Set(this.values.keys()));
    for (const slot of current.live) {
      expect(current.columns.waitingRequests[slot]).toBe(this.values.get(current.at(slot)?.id ?? ""));
    }
  }
}

it("never gives a slot to another endpoint while anybody knows it by the last one, nor mixes up their values", () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 100, maxLength: 200 }), (steps) => {
      const model = new Model();
      for (const event of steps) {
        model.run(event);
        model.check();
        if (event.kind === "publish") model.checkValues();
      }
    }),
    { numRuns: 80 },
  );
});

it("reuses slots when it may, so that the slot space stays near the number of endpoints", () => {
  const table = createEndpointTable({ epoch: 1, ringSize: RING });
  const holder = table.addHolder();
  for (let i = 0; i < 500; i++) {
    table.upsert({ id: `e${i}`, address: "a:1", labels: {} });
    table.remove(`e${i - 4}`);
    holder.ackedRev = table.publish(i).rev;
  }
  expect(table.current.slotCount).toBeLessThanOrEqual(4 + RING + 2);
});
