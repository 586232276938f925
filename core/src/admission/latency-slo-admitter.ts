import type { CycleCall } from "../contract/index.ts";
import type { Admitter } from "../cycle/types.ts";
import { createStanding, hasTarget } from "../filters/headroom.ts";

/** KV cache use below which an endpoint is cold: what is predicted of it is not to be relied on. */
const COLD_USAGE = 0.02;
/** Seconds after which load has had time to change. */
const RETRY_AFTER_S = 1;

/**
 * Refuses a sheddable request, one of a priority below 0, with a TTFT or TPOT target that no candidate is to meet. An
 * endpoint that is idle, cold, or of which too little is predicted speaks for it.
 */
export function createLatencySloAdmitter(name: string): Admitter {
  return {
    name,
    type: "latency-slo-admitter",
    admit(call) {
      const { request, candidates } = call;
      if (request.priority >= 0 || candidates.length === 0 || !hasTarget(request)) return undefined;
      if (someMay(call)) return undefined;
      return {
        by: name,
        code: "ResourceExhausted",
        message: "latency-slo-admitter: no endpoint is predicted to meet the request's latency target",
        droppedReason: "rejected-saturated",
        retryAfterS: RETRY_AFTER_S,
      };
    },
  };
}

function someMay({ candidates, columns, data, request }: CycleCall): boolean {
  const { runningRequests, kvCacheUsage } = columns;
  const standing = createStanding(data, request);
  return candidates.some((slot, position) => {
    const isIdle = runningRequests[slot] === 0;
    const isCold = kvCacheUsage[slot] < COLD_USAGE;
    return isIdle || isCold || standing(position) !== "missed";
  });
}
