import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type ServerHttp2Session, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";

/** A request as an {@link H2cModelServer} got it. */
export interface SeenStream {
  readonly headers: IncomingHttpHeaders;
  readonly stream: ServerHttp2Stream;
}

/** A model server that speaks HTTP/2 in plaintext. */
export interface H2cModelServer {
  /** Its `ip:port`. */
  readonly destination: string;
  readonly seen: readonly SeenStream[];
  /** All connections, those that are over too. */
  readonly sessions: readonly ServerHttp2Session[];
  close(): void;
}

/** What an {@link H2cModelServer} does with a request. */
export type H2cAnswer = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void;

/** @param maxConcurrentStreams streams that a connection may have. @param port 0 = any free one. */
export async function openH2cModelServer(
  answer: H2cAnswer,
  maxConcurrentStreams = 1000,
  port = 0,
): Promise<H2cModelServer> {
  const seen: SeenStream[] = [];
  const sessions: ServerHttp2Session[] = [];
  const server = createServer({ settings: { maxConcurrentStreams } });
  server.on("session", (session: ServerHttp2Session) => {
    sessions.push(session);
    session.on("error", () => {});
  });
  server.on("stream", (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    stream.on("error", () => {});
    seen.push({ headers, stream });
    answer(stream, headers);
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  const close = () => {
    server.close();
    for (const session of sessions) session.destroy();
  };
  return { destination: `127.0.0.1:${(server.address() as AddressInfo).port}`, seen, sessions, close };
}

/** Sends a request back as its response. */
export const echoH2c: H2cAnswer = (stream) => {
  stream.respond({ ":status": 200, "content-type": "text/plain" });
  stream.pipe(stream);
};
