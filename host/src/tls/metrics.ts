import { Counter, Gauge, type Registry } from "prom-client";

/** What is told of certificates. */
export interface TlsMetrics {
  /** The files were read again: new ones are in use, or the ones before since these are wrong. */
  reloaded(outcome: "reloaded" | "failed"): void;
  /** A certificate came into use. @param expiresMs Unix ms. */
  inUse(expiresMs: number): void;
  /** A connection ended before it was secure. */
  handshakeFailed(): void;
}

/** Registers the metrics. */
export function createTlsMetrics(registry: Registry): TlsMetrics {
  const registers = [registry];
  const reloads = new Counter({
    name: "outrider_tls_reloads_total",
    help: "Changes of the TLS files, by outcome: failed = the ones before stay in use.",
    labelNames: ["outcome"],
    registers,
  });
  for (const outcome of ["reloaded", "failed"]) reloads.inc({ outcome }, 0);
  const expiry = new Gauge({
    name: "outrider_tls_certificate_expiry_seconds",
    help: "When the certificate of ext_proc expires, Unix time.",
    registers,
  });
  const failures = new Counter({
    name: "outrider_tls_handshakes_failed_total",
    help: "Connections to ext_proc that ended before they were secure: no or a wrong certificate, no common version.",
    registers,
  });
  return {
    handshakeFailed: () => failures.inc(),
    reloaded: (outcome) => reloads.inc({ outcome }),
    inUse: (expiresMs) => expiry.set(expiresMs / 1_000),
  };
}
