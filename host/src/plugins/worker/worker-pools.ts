import type { EndpointSnapshot } from "@outrider/core";
import type { EndpointChange } from "@outrider/core/contract";
import type { WorkerPoolSpec } from "../types.ts";
import { createWorkerPool, type WorkerPool, type WorkerPoolOptions } from "./worker-pool.ts";

/** The pools of a host: one, and a second while the configuration of the threads changes. */
export interface WorkerPools {
  /** Pool of these threads; made where there is none. It ends when its last plugin does. */
  of(spec: WorkerPoolSpec): WorkerPool;
  /** Starts those there are; later ones start at once. */
  start(): void;
  /** Hands a new snapshot to all threads. */
  publish(snapshot: EndpointSnapshot, change: EndpointChange): void;
  /** Ends all. */
  stop(): Promise<void>;
}

/** No pool yet. */
export function createWorkerPools(options: Omit<WorkerPoolOptions, "spec" | "emptied">): WorkerPools {
  const pools = new Map<string, WorkerPool>();
  let isStarted = false;
  return {
    of(spec) {
      const key = `${spec.threads} of ${spec.memoryMb} MiB`;
      let pool = pools.get(key);
      if (pool === undefined) {
        const emptied = () => {
          pools.delete(key);
          void made.stop();
        };
        const made = createWorkerPool({ ...options, spec, emptied });
        pool = made;
        pools.set(key, pool);
        if (isStarted) pool.start();
      }
      return pool;
    },
    start() {
      isStarted = true;
      for (const pool of pools.values()) pool.start();
    },
    publish(snapshot, change) {
      for (const pool of pools.values()) pool.publish(snapshot, change);
    },
    async stop() {
      await Promise.all([...pools.values()].map((pool) => pool.stop()));
    },
  };
}
