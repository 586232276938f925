import type { Server } from "node:http";
import { setImmediate as afterPoll, setTimeout as sleep } from "node:timers/promises";
import type { LiveRequests } from "./live-requests.ts";

const pollMs = 20;

/**
 * Ends a server so that no request is lost that it has accepted. Every response closes its connection; who comes
 * nevertheless is served until no request has come for `quietMs`, for at most half of `timeoutMs`. Only then are new
 * connections refused and idle ones closed; what is open gets the rest of the time.
 * @returns when the last connection is closed.
 */
export async function drainServer(
  server: Server,
  live: LiveRequests,
  timeoutMs: number,
  quietMs: number,
): Promise<void> {
  const endMs = performance.now() + timeoutMs;
  const startedMs = performance.now();
  live.isDraining = true;
  const hasConnections = (await countConnections(server)) > 0;
  const isQuiet = () => performance.now() - Math.max(live.lastMs, startedMs) >= quietMs;
  while (hasConnections && !isQuiet() && performance.now() < endMs - timeoutMs / 2) await sleep(pollMs);
  // Behind a turn of the event loop, all connections that clients believe to stand have been accepted.
  await afterPoll();
  await closeServer(server, endMs);
}

async function closeServer(server: Server, endMs: number): Promise<void> {
  let isClosed = !server.listening;
  server.close(() => {
    isClosed = true;
  });
  while (!isClosed) {
    if (performance.now() < endMs) server.closeIdleConnections();
    else server.closeAllConnections();
    await sleep(pollMs);
  }
}

function countConnections(server: Server): Promise<number> {
  return new Promise((resolve) => server.getConnections((_, count) => resolve(count)));
}
