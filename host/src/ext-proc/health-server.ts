import type { ServerHttp2Stream } from "node:http2";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  HealthCheckRequestSchema,
  HealthCheckResponseSchema,
  HealthCheckResponse_ServingStatus as ServingStatus,
} from "@outrider/protos/health";
import { createFrameDecoder, encodeFrame } from "@outrider/transport";
import { beginCall, endCall, respondTrailersOnly } from "./grpc-http2.ts";
import { createGrpcListener, type GrpcListener } from "./grpc-listener.ts";
import { type HealthState, healthStatus } from "./health-status.ts";
import { grpcStatus } from "./stream.ts";

/** Path of the one method there is; List and Watch are not implemented. */
export const healthPath = "/grpc.health.v1.Health/Check";

/** Longest request that is read; the name of a service is short. */
const maxRequestBytes = 4096;

/**
 * Serves health alone and without TLS, for kubelets and load balancers; until the end, so it does not drain.
 * @param state asked for at each check.
 */
export function createHealthServer(state: () => HealthState): Pick<GrpcListener, "listen" | "close"> {
  const { listen, close } = createGrpcListener({
    tls: undefined,
    call(stream, path) {
      if (path === healthPath) answerHealthCheck(stream, state);
      else respondTrailersOnly(stream, grpcStatus.unimplemented, `unknown method ${path}`);
    },
  });
  return { listen, close };
}

/** Answers one call of {@link healthPath}. @param state asked for when the request is there. */
export function answerHealthCheck(stream: ServerHttp2Stream, state: () => HealthState): void {
  const decoder = createFrameDecoder((message) => answer(stream, message, state()), maxRequestBytes);
  const fail = (message: string) => {
    if (!stream.headersSent) respondTrailersOnly(stream, grpcStatus.internal, message);
  };
  stream.on("data", (chunk: Buffer) => {
    try {
      decoder.push(chunk);
    } catch (error) {
      fail(error instanceof Error ? error.message : "not a health check");
    }
  });
  stream.on("end", () => fail("the call ended without a message"));
}

function answer(stream: ServerHttp2Stream, message: Buffer, state: HealthState): void {
  if (stream.destroyed || stream.headersSent) return;
  const { service } = fromBinary(HealthCheckRequestSchema, message);
  const status = ServingStatus[healthStatus(service, state)];
  beginCall(stream);
  stream.write(encodeFrame(toBinary(HealthCheckResponseSchema, create(HealthCheckResponseSchema, { status }))));
  endCall(stream, grpcStatus.ok, "");
}
