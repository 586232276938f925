/** State of a service in the words of the gRPC health protocol. */
export type HealthStatus = "SERVING" | "NOT_SERVING" | "SERVICE_UNKNOWN";

/** What the health of the process depends on. */
export interface HealthState {
  /** Endpoints known, required plugins active, warmed up. */
  readonly ready: boolean;
  /** Whether this replica leads; `undefined` where no leader is elected. */
  readonly leader: boolean | undefined;
  readonly draining: boolean;
}

/** Names that are known where a leader is elected; where none is, any name answers: charts ask for various ones. */
const knownServices: readonly string[] = ["", "readiness", "envoy.service.ext_proc.v3.ExternalProcessor"];

/** Health of one service. `liveness` tells that the process answers, and nothing else. */
export function healthStatus(service: string, { ready, leader, draining }: HealthState): HealthStatus {
  if (service === "liveness") return "SERVING";
  if (leader !== undefined && !knownServices.includes(service)) return "SERVICE_UNKNOWN";
  return ready && leader !== false && !draining ? "SERVING" : "NOT_SERVING";
}
