import type { LabEvent, LabServer, Scenario } from "../contract/index.ts";
import { Instance } from "./instance.ts";
import type { VirtualClock } from "./virtual-clock.ts";

/** What the fleet tells of its servers. */
export interface FleetEvents {
  /** A server is there, or there again; where it was still known it is another process of the same address. */
  joined(index: number): void | Promise<void>;
  /** A server gets no new requests. */
  left(index: number): void;
}

/** A server of the scenario over the time of the simulation. */
interface Place {
  readonly server: LabServer;
  /** What is behind its address now; `undefined` = nothing takes connections there. */
  instance: Instance | undefined;
  /** Of its steps, by the last event that said so. */
  factor: number;
}

/** The model servers: what is behind which address, and what happens to it. */
export class Fleet {
  readonly #clock: VirtualClock;
  readonly #places: readonly Place[];
  readonly #indexes = new Map<string, number>();

  constructor({ servers }: Pick<Scenario, "servers">, clock: VirtualClock) {
    this.#clock = clock;
    this.#places = servers.map((server) => ({ server, instance: undefined, factor: 1 }));
    for (const i of servers.keys()) this.#indexes.set(addressOf(i), i);
  }

  /** Servers of the scenario. */
  get size(): number {
    return this.#places.length;
  }

  server(index: number): LabServer {
    return this.#place(index).server;
  }

  /** What is behind a server's address now; `undefined` = nothing. */
  instance(index: number): Instance | undefined {
    return this.#places[index]?.instance;
  }

  /** Server of an address; -1 = none. */
  indexOf(address: string): number {
    return this.#indexes.get(address) ?? -1;
  }

  /** Starts those that are there from the beginning, and has the events happen in time. */
  start(events: readonly LabEvent[], told: FleetEvents): void {
    const late = new Set(namesOfLate(events));
    for (const [i, { server }] of this.#places.entries()) {
      if (late.has(server.name)) continue;
      this.#open(i, 0);
      void told.joined(i);
    }
    for (const event of events) this.#clock.at(event.atMs, () => this.#happen(event, told));
  }

  async #happen(event: LabEvent, told: FleetEvents): Promise<void> {
    for (const name of event.servers) {
      const index = this.#places.findIndex(({ server }) => server.name === name);
      if (event.kind === "slowdown") this.#slow(index, event.factor);
      if (event.kind === "crash") this.#crash(index);
      if (event.kind === "leave") told.left(index);
      if (event.kind !== "join") continue;
      this.#open(index, event.startMs);
      await told.joined(index);
    }
  }

  #open(index: number, startMs: number): void {
    const place = this.#place(index);
    const slowdown = place.server.slowdown * place.factor;
    place.instance = new Instance(place.server, this.#clock, this.#clock.atMs + startMs, slowdown);
  }

  #slow(index: number, factor: number): void {
    const place = this.#place(index);
    place.factor = factor;
    place.instance?.setSlowdown(place.server.slowdown * factor);
  }

  #crash(index: number): void {
    const place = this.#place(index);
    const { instance } = place;
    place.instance = undefined;
    instance?.lose();
  }

  #place(index: number): Place {
    const place = this.#places[index];
    if (place === undefined) throw new RangeError(`there is no server ${index}`);
    return place;
  }
}

/** Address of a server by its place in the scenario. */
export function addressOf(index: number): string {
  return `10.${index >> 16}.${(index >> 8) & 0xff}.${index & 0xff}:8000`;
}

/** Servers whose first event is to join: they are not there before. */
function namesOfLate(events: readonly LabEvent[]): readonly string[] {
  const first = new Map<string, LabEvent["kind"]>();
  for (const { kind, servers } of events.toSorted((a, b) => a.atMs - b.atMs)) {
    for (const name of servers) {
      if (kind !== "slowdown" && !first.has(name)) first.set(name, kind);
    }
  }
  return [...first].flatMap(([name, kind]) => (kind === "join" ? [name] : []));
}
