import type { EndpointSnapshot } from "@outrider/core";
import { createGreeting, type GreetedFrame, type Greeting } from "./greeting.ts";
import type { PluginLink } from "./plugin-link.ts";

/** The connection of one generation, while there is one, and what is kept from one to the next. */
export class LinkSlot {
  /** How the connection was opened. */
  readonly greeting: Greeting;
  /** Life of the process that it was last connected to; empty = none, or it told none. */
  lastBootId = "";
  /** Connections so far. */
  count = 0;
  #link: PluginLink | undefined;
  /** Somebody has begun to listen while there was no link: it lacks the beginning of the table. */
  #owesTable = false;

  /** @param nowMs the host's clock, Unix ms. */
  constructor(nowMs: () => number) {
    this.greeting = createGreeting(nowMs);
  }

  /** `undefined` while there is none. */
  get link(): PluginLink | undefined {
    return this.#link;
  }

  /** A connection stands; true where the plugin still knows what it was told over the one before. */
  take(link: PluginLink, current: EndpointSnapshot): boolean {
    const remembers = link.bootId !== "" && link.bootId === this.lastBootId;
    this.lastBootId = link.bootId;
    this.#link = link;
    this.count += 1;
    link.publish(current);
    if (this.#owesTable) link.resync();
    this.#owesTable = false;
    return remembers;
  }

  /** The connection is gone. */
  drop(): void {
    this.#link = undefined;
    this.greeting.clear();
  }

  /** Shows how the connection was opened, and sends the whole table again: where a recording of it can begin. */
  greet(to: GreetedFrame): void {
    this.greeting.show(to);
    this.#owesTable = this.#link === undefined;
    this.#link?.resync();
  }
}
