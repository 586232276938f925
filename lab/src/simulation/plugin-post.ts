import { setImmediate as nextTurn } from "node:timers/promises";
import type { EndpointChange, EndpointSnapshot, EndpointTable } from "@outrider/core";
import type { PluginRuntime } from "@outrider/host";
import { patienceMs } from "./real-calls.ts";

/** What is told to plugins in the order of virtual time, so that they find the same wherever they run. */
export interface PluginPost {
  /** Sends what was told and published, up to a snapshot. False where some of it still waits for its stream. */
  catchUp(snapshot: EndpointSnapshot): boolean;
  /** Settles when nothing waits any more, or has waited for too long. */
  caughtUp(): Promise<void>;
  /** Settles when everybody who is connected has taken over the newest snapshot, or too much time has passed. */
  acknowledged(): Promise<void>;
}

const noChange: EndpointChange = { removedSlots: [], upserted: [] };

/**
 * Publishes a table to plugins: what changes of its endpoints at once, its measurements when somebody is asked.
 * @param hasRemote whether some plugin runs elsewhere; otherwise nobody is told of measurements, since all can see them.
 */
export function createPluginPost(runtime: PluginRuntime, table: EndpointTable, hasRemote: boolean): PluginPost {
  table.onPublish((snapshot, change) => {
    if (change.removedSlots.length === 0 && change.upserted.length === 0) return;
    if (hasRemote) runtime.flush();
    runtime.publish(snapshot, change);
  });
  const until = async (isDone: () => boolean) => {
    const endMs = performance.now() + patienceMs;
    while (!isDone() && performance.now() < endMs) await nextTurn();
  };
  return {
    catchUp(snapshot) {
      runtime.publish(snapshot, noChange);
      return runtime.flush();
    },
    caughtUp: () => until(() => runtime.flush()),
    async acknowledged() {
      if (!hasRemote) return;
      runtime.publish(table.current, noChange);
      await until(() => runtime.status().every(({ revLag }) => revLag === 0) && runtime.flush());
    },
  };
}
