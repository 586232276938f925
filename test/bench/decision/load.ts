import { Worker } from "node:worker_threads";
import { build, type Histogram } from "hdr-histogram-js";
import { connectGateway, runExchange } from "../exchange.ts";
import { smallResponse } from "../messages.ts";

/** One window of load. */
export interface Load {
  /** `ip:port` of an ext_proc server, plaintext. */
  readonly address: string;
  readonly ratePerS: number;
  readonly seconds: number;
}

/** What a window showed. */
export interface LoadResult {
  readonly decisions: number;
  readonly failed: number;
  /** Scheduled arrival to the answer to the request's headers, in µs. */
  readonly decisionUs: Histogram;
}

/** Time that requests get to end behind a window, in ms. */
const restMs = 5_000;

/**
 * Open loop: requests are sent when they are due, whether earlier ones are answered or not, and latency counts from the
 * due time. Each is what Envoy sends for a POST from an HTTP/1.1 client with a 1 kB answer, ended as Envoy ends it.
 */
export async function runLoad({ address, ratePerS, seconds }: Load, requests: readonly Buffer[]): Promise<LoadResult> {
  const session = await connectGateway(address);
  const decisionUs = build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: 60_000_000,
    numberOfSignificantValueDigits: 3,
  });
  const pending = new Set<Promise<void>>();
  let decisions = 0;
  let failed = 0;
  const startAt = performance.timeOrigin + performance.now() + 100;
  const worker = new Worker(new URL("ticker.ts", import.meta.url), { workerData: { ratePerS, seconds, startAt } });
  await new Promise<void>((resolve, reject) => {
    worker.once("error", reject);
    worker.on("message", (dueAt: number) => {
      if (Number.isNaN(dueAt)) return resolve();
      const request = requests[decisions++ % requests.length] as Buffer;
      const exchange: Promise<void> = runExchange(session, request, smallResponse, "reset")
        .then((answeredAt) => decisionUs.recordValue(Math.max(1, Math.round((answeredAt - dueAt) * 1000))))
        .catch(() => void failed++)
        .then(() => void pending.delete(exchange));
      pending.add(exchange);
    });
  });
  await Promise.race([Promise.all(pending), new Promise((resolve) => setTimeout(resolve, restMs).unref())]);
  session.destroy();
  await worker.terminate();
  return { decisions, failed: failed + pending.size, decisionUs };
}
