import type { ServerHttp2Session } from "node:http2";
import { createDeadlineSweep, type DeadlineSweep, type Guarded } from "../doors/deadlines.ts";

/** Longest time that a connection may take before it is of use, in ms; one that was used may idle for ever. */
export interface SessionDeadlines {
  /** From its beginning to the first frame of HTTP/2; with TLS, for the handshake as well. */
  readonly helloMs: number;
  /** From there to its first call. */
  readonly firstCallMs: number;
}

/** Gateways connect to ask: what does not is lost, or no gateway. */
export const defaultSessionDeadlines: SessionDeadlines = { helloMs: 10_000, firstCallMs: 120_000 };

/** @returns what watches a new connection until its first call, and ends one that takes too long. */
export function createSessionGuard(deadlines: SessionDeadlines): (session: ServerHttp2Session) => void {
  const tickMs = Math.min(1_000, deadlines.helloMs / 4);
  const sweep = createDeadlineSweep(tickMs);
  return (session) => new GuardedSession(session, deadlines, sweep);
}

class GuardedSession implements Guarded {
  dueMs = 0;
  readonly #session: ServerHttp2Session;
  readonly #deadlines: SessionDeadlines;
  #stage: "silent" | "spoke" | "closing" = "silent";

  constructor(session: ServerHttp2Session, deadlines: SessionDeadlines, sweep: DeadlineSweep) {
    this.#session = session;
    this.#deadlines = deadlines;
    const release = () => sweep.remove(this);
    sweep.add(this, deadlines.helloMs);
    session.once("remoteSettings", () => {
      this.#stage = "spoke";
      this.dueMs = sweep.nowMs + deadlines.firstCallMs;
    });
    session.once("stream", release);
    session.once("close", release);
  }

  overdue(): void {
    if (this.#stage === "spoke") {
      this.#stage = "closing";
      this.dueMs += this.#deadlines.helloMs;
      this.#session.close();
    } else {
      this.#session.destroy();
    }
  }
}
