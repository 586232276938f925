import { connect, type NetConnectOpts, type Socket } from "node:net";
import type { ChildAddress } from "./child-address.ts";

/** Which of its two addresses a child listens on. */
export type ListeningOn = "socket" | "port";

const firstPollMs = 10;
const longestPollMs = 250;
const connectMs = 1_000;

/**
 * Waits until the child listens; whichever address it takes first decides.
 * @param clock monotonic ms.
 * @param nap waits between two looks; rejects when waiting is over: the child is gone, or the host stops.
 * @returns `undefined` when it listens nowhere within `timeoutMs`.
 */
export async function reachChild(
  { socketPath, port }: ChildAddress,
  timeoutMs: number,
  clock: { elapsedMs(): number },
  nap: (ms: number) => Promise<void>,
): Promise<ListeningOn | undefined> {
  const endMs = clock.elapsedMs() + timeoutMs;
  for (let waitMs = firstPollMs; clock.elapsedMs() < endMs; waitMs = Math.min(2 * waitMs, longestPollMs)) {
    if (await accepts({ path: socketPath })) return "socket";
    if (await accepts({ port, host: "127.0.0.1" })) return "port";
    await nap(waitMs);
  }
  return undefined;
}

function accepts(target: NetConnectOpts): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ ...target, timeout: connectMs });
    const settle = (accepted: boolean) => {
      socket.destroy();
      resolve(accepted);
    };
    socket.once("connect", () => settle(!isItself(socket)));
    socket.once("timeout", () => settle(false));
    socket.once("error", () => settle(false));
  });
}

/** A free port that nobody listens on may be chosen for this end too: then TCP connects the socket with itself. */
function isItself(socket: Socket): boolean {
  return socket.localPort !== undefined && socket.localPort === socket.remotePort;
}
