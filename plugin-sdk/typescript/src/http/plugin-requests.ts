import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";
import { RpcFailure } from "@outrider/transport";
import type { PluginServer } from "../plugin-server.ts";
import type { PluginSession } from "../plugin-session.ts";
import { answerConnect, type ConnectAnswer, refuseConnect } from "./connect-call.ts";
import { answerGrpc } from "./grpc-call.ts";
import { endGrpc, refuseGrpc } from "./grpc-reply.ts";
import type { Method } from "./method.ts";
import { pluginMethods, sessionPath } from "./plugin-methods.ts";

/** Answers the requests of all connections. */
export interface PluginRequests {
  /** A request over HTTP/1.1: Connect. */
  http1(request: IncomingMessage, response: ServerResponse): void;
  /** A request over HTTP/2: the Session, gRPC or Connect. */
  http2(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void;
  /** Ends all Sessions. */
  endSessions(): void;
}

/** @param token what is to be sent as `authorization: Bearer`; empty = nothing. */
export function createPluginRequests(server: PluginServer, token: string): PluginRequests {
  const methods = pluginMethods(server);
  const isBearer = createBearerCheck(token);
  const sessions = new Set<PluginSession>();

  const openSession = (stream: ServerHttp2Stream) => {
    const session = serveSession(stream, server);
    sessions.add(session);
    stream.once("close", () => sessions.delete(session));
  };
  const connect = (
    headers: IncomingHttpHeaders,
    body: IncomingMessage | ServerHttp2Stream,
    peer: object,
    method = "",
    path = "",
  ) => {
    const refusal = refusalOf(methods.get(path), method, headers, isBearer);
    return refusal === undefined
      ? answerConnect(methods.get(path), headers, body, peer)
      : Promise.resolve(refuseConnect(refusal));
  };

  return {
    http1(request, response) {
      const { headers, socket, method, url } = request;
      void connect(headers, request, socket, method, url).then((answer) => sendHttp1(response, answer));
    },
    http2(stream, headers) {
      // Its end is seen by `close`.
      stream.on("error", () => {});
      const path = String(headers[":path"]);
      const method = methods.get(path);
      const peer = stream.session ?? stream;
      if (!isGrpc(headers)) {
        void connect(headers, stream, peer, headers[":method"], path).then((answer) => sendHttp2(stream, answer));
      } else if (method?.isPublic !== true && !isBearer(headers.authorization)) {
        refuseGrpc(stream, "unauthenticated", notMine);
      } else if (path === sessionPath) openSession(stream);
      else answerGrpc(stream, method, peer);
    },
    endSessions() {
      for (const session of sessions) session.end("unavailable", "the plugin ends");
    },
  };
}

const notMine = "the token is not mine";

function isGrpc(headers: IncomingHttpHeaders): boolean {
  return /^application\/grpc(\+proto)?(;|$)/.test(headers["content-type"] ?? "");
}

/** Why a request is refused before it is read. */
function refusalOf(
  method: Method | undefined,
  verb: string,
  { authorization }: IncomingHttpHeaders,
  isBearer: (authorization: string | undefined) => boolean,
): RpcFailure | undefined {
  if (method?.isPublic !== true && !isBearer(authorization)) return new RpcFailure("unauthenticated", notMine);
  return verb === "POST" ? undefined : new RpcFailure("unimplemented", "every method is a POST");
}

function createBearerCheck(token: string): (authorization: string | undefined) => boolean {
  if (token === "") return () => true;
  const wanted = digest(`Bearer ${token}`);
  return (authorization) => timingSafeEqual(digest(authorization ?? ""), wanted);
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

/** Whatever a peer sends beyond a refusal is not read: its connection ends. */
function sendHttp1(response: ServerResponse, { status, type, body }: ConnectAnswer): void {
  const end = response.req.complete ? {} : { connection: "close" };
  response.writeHead(status, { "content-type": type, "content-length": body.length, ...end }).end(body);
}

function sendHttp2(stream: ServerHttp2Stream, { status, type, body }: ConnectAnswer): void {
  if (stream.destroyed) return;
  stream.respond({ ":status": status, "content-type": type, "content-length": body.length });
  stream.end(body);
}

function serveSession(stream: ServerHttp2Stream, server: PluginServer): PluginSession {
  stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
  let status = { code: "ok", message: "" };
  stream.on("wantTrailers", () => endGrpc(stream, status.code, status.message));
  const session = server.connect({
    write: (frame) => stream.write(frame),
    end: (code, message) => {
      status = { code, message };
      stream.end();
    },
  });
  stream.on("data", (chunk: Buffer) => session.received(chunk));
  stream.on("end", () => session.end("ok", ""));
  stream.on("close", () => session.closed());
  return session;
}
