import type http2 from "node:http2";
import { grpcCodes } from "@outrider/transport";

/** Sends the trailers of a stream that waits for them. */
export function endGrpc(stream: http2.ServerHttp2Stream, code: string, message: string): void {
  stream.sendTrailers(toTrailers(code, message));
}

/** Ends a stream that nothing was said on. */
export function refuseGrpc(stream: http2.ServerHttp2Stream, code: string, message: string): void {
  const head = { ":status": 200, "content-type": "application/grpc", ...toTrailers(code, message) };
  stream.respond(head, { endStream: true });
}

function toTrailers(code: string, message: string): http2.OutgoingHttpHeaders {
  const status = String(Math.max(0, grpcCodes.indexOf(code)));
  return message === ""
    ? { "grpc-status": status }
    : { "grpc-status": status, "grpc-message": encodeURIComponent(message) };
}
