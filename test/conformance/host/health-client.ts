import { connect } from "node:http2";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  HealthCheckRequestSchema,
  HealthCheckResponse_ServingStatus,
  HealthCheckResponseSchema,
} from "@outrider/protos/health";
import { createFrameDecoder, encodeFrame } from "@outrider/transport";

const headers = {
  ":method": "POST",
  ":path": "/grpc.health.v1.Health/Check",
  "content-type": "application/grpc",
  te: "trailers",
};

/**
 * Asks for the health of a service as a kubelet does.
 * @param address `ip:port` of a plaintext server.
 * @returns name of the status, such as `SERVING`.
 */
export async function checkHealth(address: string, service: string): Promise<string> {
  const session = connect(`http://${address}`);
  try {
    const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
    session.on("error", reject);
    const stream = session.request(headers);
    const decoder = createFrameDecoder((message) => resolve(Buffer.from(message)), 4096);
    stream.on("error", reject);
    stream.on("data", (chunk: Buffer) => decoder.push(chunk));
    stream.on("close", () => reject(new Error("the health check got no answer")));
    stream.end(
      encodeFrame(Buffer.from(toBinary(HealthCheckRequestSchema, create(HealthCheckRequestSchema, { service })))),
    );
    const { status } = fromBinary(HealthCheckResponseSchema, await promise);
    const names = Object.entries(HealthCheckResponse_ServingStatus);
    return names.find(([, number]) => number === status)?.[0] ?? `status ${status}`;
  } finally {
    session.destroy();
  }
}
