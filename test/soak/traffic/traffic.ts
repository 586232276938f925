import { createRandom } from "@outrider/core/contract";
import { Agent } from "undici";
import { bad } from "./ending.ts";
import type { RequestKind } from "./request-kind.ts";
import type { Tally } from "./tally.ts";

/** A way in, and what is sent there. */
export interface Door {
  readonly name: string;
  /** Base URL; empty for kinds that bring their own connection. */
  readonly url: string;
  /** Share of the requests, relative to the other doors'. */
  readonly weight: number;
  readonly kinds: readonly RequestKind[];
}

/** Requests on their way. */
export interface Traffic {
  /** Requests that are open. */
  readonly open: number;
  /** Sends no more and waits for what is open. */
  stop(): Promise<void>;
}

/** Longest time a request may take, in ms; above the longest that a model server stands still. */
const tooLongMs = 60_000;
/** Idle time of a connection, in ms: short, so that the host's descriptors follow the load and not its last peak. */
const idleMs = 1_000;
const tickMs = 10;

/** Open loop: requests go out at a steady rate whatever becomes of earlier ones, kinds and doors mixed by a seed. */
export function startTraffic(doors: readonly Door[], ratePerS: number, tally: Tally): Traffic {
  const dispatcher = new Agent({ connections: 256, keepAliveTimeout: idleMs, keepAliveMaxTimeout: idleMs });
  const random = createRandom(1);
  const open = new Set<Promise<void>>();
  const startedMs = performance.now();
  let sent = 0;
  const one = async (i: number) => {
    const atMs = performance.now();
    const door = pickWeighted(doors, random());
    const kind = pickWeighted(door.kinds, random());
    const shot = { door: door.url, dispatcher, i, random, tooLong: AbortSignal.timeout(tooLongMs) };
    const ending = await kind.run(shot).catch((error: unknown) => bad("content", String(error)));
    tally.add(`${kind.name} by ${door.name}`, ending, atMs);
  };
  const ticker = setInterval(() => {
    const due = Math.floor(((performance.now() - startedMs) / 1000) * ratePerS);
    while (sent < due) {
      const request: Promise<void> = one(sent++).finally(() => void open.delete(request));
      open.add(request);
    }
  }, tickMs);
  return {
    get open() {
      return open.size;
    },
    async stop() {
      clearInterval(ticker);
      await Promise.all(open);
      await dispatcher.destroy();
    },
  };
}

function pickWeighted<T extends { readonly weight: number }>(items: readonly T[], at: number): T {
  let left = at * items.reduce((sum, { weight }) => sum + weight, 0);
  for (const item of items) {
    left -= item.weight;
    if (left < 0) return item;
  }
  return items.at(-1) as T;
}
