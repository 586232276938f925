import { create, toBinary } from "@bufbuild/protobuf";
import {
  Health,
  HealthCheckRequestSchema,
  type HealthCheckResponse,
  HealthCheckResponseSchema,
  HealthCheckResponse_ServingStatus as Status,
} from "@outrider/protos/health";
import { ScorerService } from "@outrider/protos/scorer";
import { RpcFailure } from "@outrider/transport";
import type { PluginHealth } from "../plugin-health.ts";
import { type Method, readMessage, type StreamOutlet, unaryMethod } from "./method.ts";

/** Names that are asked for: the server as a whole, and the one service that matters. */
const knownServices: readonly string[] = ["", ScorerService.typeName];

/** `grpc.health.v1.Health`, for kubelets and whoever else watches a process. */
export function healthMethods(health: PluginHealth): readonly (readonly [path: string, method: Method])[] {
  const check = unaryMethod(Health.method.check, true, ({ service }) => {
    if (!knownServices.includes(service)) throw new RpcFailure("not_found", `no service ${service} here`);
    return toResponse(service, health);
  });
  const watch: Method = { kind: "stream", isPublic: true, open: (outlet) => openWatch(outlet, health) };
  return [
    [`/${Health.typeName}/Check`, check],
    [`/${Health.typeName}/Watch`, watch],
  ];
}

function openWatch(outlet: StreamOutlet, health: PluginHealth) {
  let stop = () => {};
  return {
    message(bytes: Buffer) {
      const { service } = readMessage(HealthCheckRequestSchema, bytes, "proto");
      const tell = () => outlet.send(toBinary(HealthCheckResponseSchema, toResponse(service, health)));
      stop();
      stop = health.watch(tell);
      tell();
    },
    ended() {},
    closed: () => stop(),
  };
}

function toResponse(service: string, { isReady }: PluginHealth): HealthCheckResponse {
  const known = isReady ? Status.SERVING : Status.NOT_SERVING;
  const status = knownServices.includes(service) ? known : Status.SERVICE_UNKNOWN;
  return create(HealthCheckResponseSchema, { status });
}
