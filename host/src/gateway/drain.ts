import type { Server } from "node:http";
import { setTimeout as sleep, setImmediate as turn } from "node:timers/promises";
import type { LiveRequests } from "./live-requests.ts";

const pollMs = 20;
/** Turns of the event loop in which the listener waits for one without a new connection. */
const maxTurns = 100;

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
  const startedMs = performance.now();
  const isQuiet = () => performance.now() - Math.max(live.lastMs, startedMs) >= quietMs;
  live.isDraining = true;
  if ((await countConnections(server)) > 0) {
    while (!isQuiet() && performance.now() < startedMs + timeoutMs / 2) await sleep(pollMs);
  }
  await noNewConnection(server);
  await closeServer(server, startedMs + timeoutMs);
}

/** Waits for a moment in which no connection that stands waits to be accepted: closing the listener would reset it. */
async function noNewConnection(server: Server): Promise<void> {
  let accepted = 0;
  const count = () => {
    accepted++;
  };
  server.on("connection", count);
  let before = -1;
  for (let i = 0; i < maxTurns && accepted !== before; i++) {
    before = accepted;
    await turn();
  }
  server.off("connection", count);
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
