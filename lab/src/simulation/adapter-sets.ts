import type { ScrapedPage } from "@outrider/host";
import type { LabServer } from "../contract/index.ts";

type Sets = ScrapedPage["sets"];

/** Adapters in use at one server, as its page of metrics names them. */
export interface AdapterSets {
  /**
   * What the page says now; the same object while none changes.
   * @param using adapter of each request there, with whether it runs; those without one are left out.
   */
  read(using: Iterable<readonly [adapter: string, isRunning: boolean]>): Sets;
}

/** Sets of a server at rest. */
export function createAdapterSets({ model, maxAdapters }: LabServer): AdapterSets {
  const models: Sets = model === undefined ? {} : { models: [model] };
  let last: Sets = maxAdapters === 0 ? models : { ...models, adapters_running: [], adapters_waiting: [] };
  return {
    read(using) {
      if (maxAdapters === 0) return last;
      const running = new Set<string>();
      const waiting = new Set<string>();
      for (const [adapter, isRunning] of using) (isRunning ? running : waiting).add(adapter);
      const next = { ...models, adapters_running: [...running].sort(), adapters_waiting: [...waiting].sort() };
      if (
        !isSame(last.adapters_running, next.adapters_running) ||
        !isSame(last.adapters_waiting, next.adapters_waiting)
      ) {
        last = next;
      }
      return last;
    },
  };
}

function isSame(one: readonly string[] | undefined, other: readonly string[]): boolean {
  return one?.length === other.length && other.every((name, i) => name === one[i]);
}
