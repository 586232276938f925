import { withoutQuery } from "../request-target.ts";
import type { UpstreamRequest } from "./types.ts";

/** Methods that do no harm when they are done twice (RFC 9110, 9.2.2). */
const idempotentMethods: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"]);

/** Ends of paths that compute an answer and change nothing at the model server. */
const inference = /\/(?:completions|messages|embeddings|rerank|score|classify|pooling|tokenize|count_tokens)$/;

/**
 * Whether a request may be sent again although a model server may have begun it: its method or its client says so, or it
 * asks for inference, which costs twice at worst.
 */
export function isRepeatable({ method, path, headers }: UpstreamRequest): boolean {
  if (idempotentMethods.has(method) || inference.test(withoutQuery(path))) return true;
  for (let i = 0; i < headers.length; i += 2) if (headers[i]?.toLowerCase() === "idempotency-key") return true;
  return false;
}
