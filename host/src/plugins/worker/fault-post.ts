import type { FromThread } from "./messages.ts";

/** Time in which faults of one place are gathered, in ms. */
const gatherMs = 100;

/** Tells the host of what plugins throw where there is no call; however often, it is a few messages a second. */
export function createFaultPost(post: (message: FromThread) => void): {
  add(instance: number, where: string, cause: unknown): void;
} {
  const faults = new Map<string, { instance: number; where: string; message: string; count: number }>();
  const flush = () => {
    for (const fault of faults.values()) post({ kind: "threw", ...fault });
    faults.clear();
  };
  return {
    add(instance, where, cause) {
      const message = cause instanceof Error ? cause.message : String(cause);
      const count = (faults.get(`${instance} ${where}`)?.count ?? 0) + 1;
      if (faults.size === 0) setTimeout(flush, gatherMs).unref();
      faults.set(`${instance} ${where}`, { instance, where, message: message.slice(0, 500), count });
    },
  };
}
