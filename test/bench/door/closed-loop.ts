import type { ClientHttp2Session } from "node:http2";
import { connectGateway, runExchange, type StreamEnd } from "../exchange.ts";

/** What a closed loop did. */
export interface LoopResult {
  readonly streams: number;
  readonly failed: number;
}

/**
 * Keeps so many streams in flight for so long: the next one starts when one ends. Resolves when all are over.
 * @param end how each is ended.
 */
export async function runClosedLoop(
  address: string,
  inFlight: number,
  seconds: number,
  exchange: { readonly requests: readonly Buffer[]; readonly response: Buffer; readonly end: StreamEnd },
): Promise<LoopResult> {
  const session = await connectGateway(address);
  const endMs = performance.now() + seconds * 1000;
  let streams = 0;
  let failed = 0;
  const lane = async (session: ClientHttp2Session) => {
    while (performance.now() < endMs) {
      const request = exchange.requests[streams++ % exchange.requests.length] as Buffer;
      await runExchange(session, request, exchange.response, exchange.end).catch(() => void failed++);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, () => lane(session)));
  session.destroy();
  return { streams, failed };
}
