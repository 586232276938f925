import http2 from "node:http2";
import net from "node:net";
import { OutriderError } from "@outrider/core/contract";
import { codeOfStatus, decodeGrpcMessage, grpcCodes } from "./rpc-codes.ts";
import { fromConnectionError, fromRpcFailure, RpcFailure } from "./rpc-failure.ts";
import { createSession, type SessionEnd } from "./session-client.ts";
import type { PluginTarget, SessionClient, SessionOptions } from "./session-types.ts";
import { toTlsOptions } from "./tls-identity.ts";

const sessionPath = "/outrider.scorer.v1.ScorerService/Session";

/** Receive window of stream and connection: larger than what a plugin may owe in answers. */
const windowBytes = 4 * 1024 * 1024;

/** Longest wait for a connection and its first frame unless said otherwise, in ms. */
const connectTimeoutMs = 2_000;

/** A plugin that takes its leave in order may answer for so long, in ms. */
const goodbyeMs = 1_000;

/**
 * Opens a Session. The client can be used at once; where there is nobody, all it was asked fails with
 * `SCORER_UNAVAILABLE`, and where the other side knows no Session, with an `RpcFailure` `unimplemented` as cause.
 */
export function openSession(target: PluginTarget, options: SessionOptions): SessionClient {
  const connection = connect(target);
  const stream = connection.request(requestHeaders(options.token), { endStream: false });
  const session = createSession(
    {
      write: (bytes) => stream.write(bytes),
      close: () => connection.destroy(),
    },
    options,
  );
  watch(connection, stream, session, target, options.connectTimeoutMs ?? connectTimeoutMs);
  return session.client;
}

function connect(target: PluginTarget): http2.ClientHttp2Session {
  const settings = { enablePush: false, initialWindowSize: windowBytes };
  if (target.kind === "socket") {
    const createConnection = () => net.connect({ path: target.path });
    return http2.connect("http://localhost", { settings, createConnection });
  }
  const url = new URL(target.url);
  if (url.protocol === "https:") {
    const identity = target.tls === undefined ? {} : toTlsOptions(target.tls());
    return http2.connect(url, { settings, ALPNProtocols: ["h2"], ...identity });
  }
  return http2.connect(`http://${url.host}`, { settings });
}

function requestHeaders(token: string): http2.OutgoingHttpHeaders {
  const headers: http2.OutgoingHttpHeaders = {
    ":method": "POST",
    ":path": sessionPath,
    "content-type": "application/grpc",
    te: "trailers",
  };
  if (token !== "") headers.authorization = `Bearer ${token}`;
  return headers;
}

function watch(
  connection: http2.ClientHttp2Session,
  stream: http2.ClientHttp2Stream,
  session: SessionEnd,
  target: PluginTarget,
  timeoutMs: number,
): void {
  const subject = target.kind === "socket" ? target.path : target.url;
  const lost = (cause: unknown) => session.lost(toError(cause, subject));
  let timer = setTimeout(lost, timeoutMs, new Error(`no connection within ${timeoutMs} ms`));
  connection.once("connect", () => connection.setLocalWindowSize(windowBytes));
  // Only these show that somebody is there who speaks HTTP/2.
  connection.once("remoteSettings", () => clearTimeout(timer));
  connection.on("error", lost);
  connection.once("goaway", (code) => {
    const goodbye = new Error(`the plugin said goodbye (GOAWAY ${code})`);
    if (code === http2.constants.NGHTTP2_NO_ERROR) timer = setTimeout(lost, goodbyeMs, goodbye);
    else lost(goodbye);
  });
  connection.once("close", () => {
    clearTimeout(timer);
    lost(new Error("the connection was closed"));
  });
  stream.on("response", (headers) => checkResponse(headers, lost, subject));
  // They may overtake answers that are still to be read: the end counts.
  let ending: Error = new Error("the plugin ended the session");
  stream.on("trailers", (trailers) => {
    ending = statusError(trailers, subject) ?? ending;
  });
  stream.on("data", (chunk: Buffer) => session.received(chunk));
  stream.on("drain", () => session.drained());
  stream.on("error", lost);
  stream.once("end", () => lost(ending));
  stream.once("close", () => lost(new Error("the stream was closed")));
}

function toError(cause: unknown, subject: string): OutriderError {
  if (cause instanceof OutriderError) return cause;
  const isCollateral = cause instanceof Error && "code" in cause && cause.code === "ERR_HTTP2_STREAM_CANCEL";
  return fromConnectionError(isCollateral && cause.cause !== undefined ? cause.cause : cause, subject);
}

function checkResponse(headers: http2.IncomingHttpHeaders, lost: (cause: unknown) => void, subject: string): void {
  const status = Number(headers[":status"]);
  const refused = statusError(headers, subject);
  if (refused !== undefined) lost(refused);
  else if (status !== 200) lost(fromRpcFailure(new RpcFailure(codeOfStatus(status), `HTTP ${status}`), subject));
  else if (!String(headers["content-type"]).startsWith("application/grpc")) {
    const message = `content type ${headers["content-type"]} instead of application/grpc`;
    lost(fromRpcFailure(new RpcFailure("unimplemented", message), subject));
  }
}

/** What a `grpc-status` other than 0 says. */
function statusError(headers: http2.IncomingHttpHeaders, subject: string): OutriderError | undefined {
  const status = headers["grpc-status"];
  if (status === undefined || status === "0") return undefined;
  const code = grpcCodes[Number(status)] ?? "unknown";
  const message = decodeGrpcMessage(String(headers["grpc-message"] ?? ""));
  return fromRpcFailure(new RpcFailure(code, message), subject);
}
