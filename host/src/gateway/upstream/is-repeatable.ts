import type { UpstreamRequest } from "./types.ts";

/** Methods that do no harm when they are done twice (RFC 9110, 9.2.2). */
const idempotentMethods: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"]);

/** Whether a request may be sent again although a model server may have begun it: its method or its client says so. */
export function isRepeatable({ method, headers }: UpstreamRequest): boolean {
  if (idempotentMethods.has(method)) return true;
  for (let i = 0; i < headers.length; i += 2) if (headers[i]?.toLowerCase() === "idempotency-key") return true;
  return false;
}
