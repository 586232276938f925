import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";

/** What every HTTP/2 connection begins with, as far as no method of HTTP/1.1 does. */
const prefaceStart = "PRI";

/** Longest silence of a connection that has not said which version it speaks, in ms. */
const silenceMs = 10_000;

/** Says which version of HTTP a connection speaks: by ALPN where there is TLS, else by its first bytes, which stay to be read. */
export function tellVersion(socket: Socket, tell: (isHttp2: boolean) => void): void {
  if (socket instanceof TLSSocket) {
    tell(socket.alpnProtocol === "h2");
    return;
  }
  const leave = () => socket.destroy();
  const look = () => {
    const start = socket.read(prefaceStart.length) as Buffer | null;
    if (start === null) return;
    socket.setTimeout(0);
    socket.off("readable", look).off("end", leave).off("error", ignore).off("timeout", leave);
    socket.unshift(start);
    tell(start.toString("latin1") === prefaceStart);
  };
  socket.setTimeout(silenceMs);
  socket.on("end", leave).on("error", ignore).on("timeout", leave).on("readable", look);
}

function ignore(): void {}
