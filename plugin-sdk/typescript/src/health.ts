import type http2 from "node:http2";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  HealthCheckRequestSchema,
  HealthCheckResponse_ServingStatus,
  HealthCheckResponseSchema,
} from "@outrider/protos/health";
import { createFrameDecoder, encodeFrame } from "@outrider/transport";
import { endGrpc, refuseGrpc } from "./grpc-reply.ts";

/** Names that are asked for: the server as a whole, and the one service that matters. */
const knownServices: readonly string[] = ["", "outrider.scorer.v1.ScorerService"];

const serving = encodeFrame(
  toBinary(
    HealthCheckResponseSchema,
    create(HealthCheckResponseSchema, { status: HealthCheckResponse_ServingStatus.SERVING }),
  ),
);

/** Answers `grpc.health.v1.Health/Check`: whoever can answer serves. */
export function answerHealth(stream: http2.ServerHttp2Stream): void {
  let service = "";
  const decoder = createFrameDecoder((message) => {
    service = fromBinary(HealthCheckRequestSchema, message).service;
  });
  stream.on("data", (chunk: Buffer) => {
    if (stream.headersSent) return;
    try {
      decoder.push(chunk);
    } catch {
      refuseGrpc(stream, "invalid_argument", "no HealthCheckRequest");
    }
  });
  stream.on("end", () => {
    if (stream.headersSent || stream.destroyed) return;
    if (!knownServices.includes(service)) {
      refuseGrpc(stream, "not_found", `no service ${service} here`);
      return;
    }
    stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
    stream.on("wantTrailers", () => endGrpc(stream, "ok", ""));
    stream.end(serving);
  });
}
