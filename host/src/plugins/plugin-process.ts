import type { EndpointSnapshot } from "@outrider/core";
import type { ProcessGeneration } from "./process-generation.ts";
import type { ProcessTally } from "./process-tally.ts";
import type { FrameListener } from "./types.ts";

/** One process of the configuration: the generation in force, the next one beside it, and those that are leaving. */
export class PluginProcess {
  readonly name: string;
  readonly tally: ProcessTally;
  #current: ProcessGeneration | undefined;
  readonly #others = new Set<ProcessGeneration>();
  #stopping = false;

  constructor(name: string, tally: ProcessTally) {
    this.name = name;
    this.tally = tally;
  }

  /** The generation in force; `undefined` before the first is. */
  get current(): ProcessGeneration | undefined {
    return this.#current;
  }

  /** Snapshots published and not acknowledged by the generation in force. */
  get revLag(): number {
    return this.#current?.revLag ?? 0;
  }

  start(): void {
    this.#current?.start();
  }

  /** Breaks the connection of the generation in force. */
  reconnect(): void {
    this.#current?.reconnect();
  }

  publish(snapshot: EndpointSnapshot): void {
    this.#current?.publish(snapshot);
    for (const generation of this.#others) generation.publish(snapshot);
  }

  /** As that of the whole runtime. */
  flush(): boolean {
    let isDone = this.#current?.flush() ?? true;
    for (const generation of this.#others) isDone = generation.flush() && isDone;
    return isDone;
  }

  /** Shows how the connections of all generations were opened; see {@link ProcessGeneration.greet}. */
  greet(listener: FrameListener): void {
    const { name: process } = this;
    const all = this.#current === undefined ? [...this.#others] : [this.#current, ...this.#others];
    for (const generation of all) {
      const place = { process, generation: generation.number };
      generation.greet((direction, message, atMs) => listener({ ...place, direction, message, atMs }));
    }
  }

  /** Starts a generation beside the one in force. */
  begin(next: ProcessGeneration): void {
    this.#others.add(next);
    next.start();
  }

  /** Ends a generation that was begun. */
  async abandon(next: ProcessGeneration): Promise<void> {
    await next.stop();
    this.#others.delete(next);
  }

  /** Puts a generation in force; the one before is drained, hands on what it has learned, and ends. */
  succeed(next: ProcessGeneration): void {
    const before = this.#current;
    this.#others.delete(next);
    this.#current = next;
    if (before !== undefined) void this.#letGo(before, next);
  }

  /** Ends all generations. Bounded; idempotent. */
  async stop(): Promise<void> {
    this.#stopping = true;
    const all = this.#current === undefined ? [...this.#others] : [this.#current, ...this.#others];
    await Promise.all(all.map((generation) => generation.stop()));
  }

  async #letGo(before: ProcessGeneration, next: ProcessGeneration): Promise<void> {
    this.#others.add(before);
    const handoff = await before.drain();
    if (handoff.length > 0 && !this.#stopping) await next.takeOver(handoff);
    await before.stop();
    this.#others.delete(before);
  }
}
