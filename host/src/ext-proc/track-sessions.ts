import type { Http2SecureServer, Http2Server, ServerHttp2Session } from "node:http2";
import type { Socket } from "node:net";

/**
 * GOAWAY that refuses nothing: the gateway opens no more calls on this connection, and those that cross it are served.
 * Node's own `goaway` can say the same, but calls that cross it are never answered: nghttp2 ignores them from then on.
 */
const shutdownNotice = Buffer.from("0000080700000000007fffffff00000000", "hex");

/** The connections of a server. */
export interface SessionSet {
  readonly size: number;
  /** Asks gateways to go elsewhere; not those that speak TLS, which cannot be asked without losing what crosses it. */
  sendAway(): void;
  /** Closes those that {@link sendAway} leaves out, as {@link close} does. */
  closeUnasked(): void;
  /** Lets what is open end, refuses what comes, and closes. */
  close(): void;
  /** Drops all of them. */
  destroy(): void;
}

/** @param isPlaintext whether the server speaks no TLS. */
export function trackSessions(server: Http2Server | Http2SecureServer, isPlaintext: boolean): SessionSet {
  const sessions = new Map<ServerHttp2Session, TrackedSession>();
  let accepted: Socket | undefined;
  // Node makes the session of a connection within this event.
  const note = (socket: Socket) => {
    accepted = socket;
  };
  if (isPlaintext) server.prependListener("connection", note);
  server.on("session", (session: ServerHttp2Session) => {
    const tracked = new TrackedSession(accepted);
    sessions.set(session, tracked);
    session.once("localSettings", () => tracked.open());
    session.on("close", () => sessions.delete(session));
  });
  return {
    get size() {
      return sessions.size;
    },
    sendAway() {
      for (const tracked of sessions.values()) tracked.sendAway();
    },
    closeUnasked() {
      for (const [session, { canBeAsked }] of sessions) if (!canBeAsked) session.close();
    },
    close() {
      for (const session of sessions.keys()) session.close();
    },
    destroy() {
      for (const session of sessions.keys()) session.destroy();
    },
  };
}

class TrackedSession {
  readonly #socket: Socket | undefined;
  /** Whether the gateway has acknowledged the settings, which have to be the first frame it gets. */
  #isOpen = false;
  #isAsked = false;

  constructor(socket: Socket | undefined) {
    this.#socket = socket;
  }

  get canBeAsked(): boolean {
    return this.#socket !== undefined;
  }

  open(): void {
    this.#isOpen = true;
    if (this.#isAsked) this.#send();
  }

  sendAway(): void {
    if (this.#isAsked) return;
    this.#isAsked = true;
    if (this.#isOpen) this.#send();
  }

  /** A frame between those of nghttp2, which hands whole frames to the socket. */
  #send(): void {
    if (this.#socket?.writable) this.#socket.write(shutdownNotice);
  }
}
