import type { IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";
import { grpcStatus } from "./stream.ts";

/** Headers of an answered call, in the form that is sent without being copied; Node would append a date to them. */
const responseHeaders = [":status", "200", "content-type", "application/grpc"];
const responseOptions = { waitForTrailers: true, sendDate: false };

/** Begins the answer to a call; `endCall` ends it. */
export function beginCall(stream: ServerHttp2Stream): void {
  stream.respond(responseHeaders, responseOptions);
}

/** Why a stream is no gRPC call, where it is none; it has been answered then. */
export function isGrpcCall(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): boolean {
  if (!String(headers["content-type"] ?? "").startsWith("application/grpc")) {
    stream.respond({ ":status": 415 }, { endStream: true });
    return false;
  }
  if (headers[":method"] === "POST") return true;
  respondTrailersOnly(stream, grpcStatus.unimplemented, `method ${headers[":method"]} is not POST`);
  return false;
}

/** Answers a call with nothing but a status. */
export function respondTrailersOnly(stream: ServerHttp2Stream, status: number, message: string): void {
  if (stream.destroyed || stream.closed) return;
  const headers = { ":status": 200, "content-type": "application/grpc", ...statusHeaders(status, message) };
  stream.respond(headers, { endStream: true });
}

/** Ends a call that has begun. */
export function endCall(stream: ServerHttp2Stream, status: number, message: string): void {
  if (stream.destroyed || stream.closed || stream.writableEnded) return;
  stream.once("wantTrailers", () => stream.sendTrailers(statusHeaders(status, message)));
  stream.end();
}

function statusHeaders(status: number, message: string): Record<string, string> {
  if (message === "") return { "grpc-status": String(status) };
  return { "grpc-status": String(status), "grpc-message": encodeURIComponent(message) };
}
