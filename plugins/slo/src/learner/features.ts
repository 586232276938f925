import type { ScoreCall } from "@outrider/plugin-sdk";
import type { EndpointWork } from "./endpoint-work.ts";
import { featureCount } from "./moments.ts";

/**
 * Writes what the latency of a request at an endpoint depends on, each of the order of 1: a constant, the prompt tokens
 * that are left to compute and their square, those of requests before it, waiting requests, requests under way, KV
 * cache, and how long the endpoint has been at the prompts before it. All `NaN` where something of it is unknown.
 * @param prompt tokens of the prompt that are not cached at this endpoint.
 */
export function writeFeatures(
  { columns, nowMs }: ScoreCall,
  slot: number,
  prompt: number,
  work: EndpointWork,
  into: Float32Array,
  at: number,
): void {
  const waiting = columns.waitingRequests[slot];
  const running = columns.runningRequests[slot];
  const usage = columns.kvCacheUsage[slot];
  if (!(waiting >= 0 && running >= 0 && usage >= 0 && prompt > 0)) {
    into.fill(Number.NaN, at, at + featureCount);
    return;
  }
  const thousands = prompt / 1_000;
  into[at] = 1;
  into[at + 1] = thousands;
  into[at + 2] = (thousands * thousands) / 10;
  into[at + 3] = work.dueTokens / 1_000;
  into[at + 4] = waiting;
  into[at + 5] = Math.max(columns.inflightRequests[slot], waiting + running) / 10;
  into[at + 6] = usage;
  into[at + 7] = work.busyMs(nowMs) / 1_000;
}
