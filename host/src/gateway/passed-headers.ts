import type { Routed } from "../scheduling/types.ts";
import { requestIdHeader } from "./request-id.ts";

/** Headers of one connection and not of the request (RFC 9110, 7.6.1), and those that the next hop writes anew. */
const hopHeaders: ReadonlySet<string> = new Set([
  "connection",
  "expect",
  "http2-settings",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "transfer-encoding",
  "upgrade",
]);

/**
 * What stays behind of a request: besides headers of its connection those that are not the client's to send on, since
 * they are written here or are for the gateway alone.
 */
const keptOfRequests: ReadonlySet<string> = new Set([
  ...hopHeaders,
  "content-length",
  "trailer",
  "x-gateway-destination-endpoint",
  requestIdHeader,
]);
const keptOfResponses: ReadonlySet<string> = new Set([...hopHeaders, requestIdHeader]);
const keptOfTrailers: ReadonlySet<string> = new Set([...hopHeaders, "content-length", "trailer"]);

const none: readonly string[] = [];

/** What of a request its headers to the model server are made of. */
export interface PassedRequest {
  /** Names and values in turn, as they came. */
  readonly rawHeaders: readonly string[];
  readonly requestId: string;
  /** Stands in the place of the `host` header; `undefined` = that stays. */
  readonly authority: string | undefined;
}

/** Headers of a request as they go to the model server, names and values in turn. */
export function toUpstreamHeaders(request: PassedRequest, { setHeaders, removeHeaders, rewrite }: Routed): string[] {
  const replaced = [...removeHeaders, ...namesOf(setHeaders)];
  if (request.authority !== undefined) replaced.push("host");
  // A response that is to be rewritten has to be readable.
  if (rewrite !== undefined) replaced.push("accept-encoding");
  const headers = pass(request.rawHeaders, keptOfRequests, replaced);
  if (request.authority !== undefined) headers.push("host", request.authority);
  headers.push(requestIdHeader, request.requestId);
  for (const [name, value] of setHeaders) headers.push(name, value);
  return headers;
}

/** Headers of a response as they go to the client, names and values in turn. @param isRewritten whether its body is. */
export function toClientHeaders(
  headers: readonly string[],
  requestId: string,
  isRewritten: boolean,
  { setResponseHeaders }: Pick<Routed, "setResponseHeaders">,
): string[] {
  const replaced = setResponseHeaders.length === 0 ? none : namesOf(setResponseHeaders);
  const passed = pass(headers, keptOfResponses, isRewritten ? [...replaced, "content-length"] : replaced);
  for (const [name, value] of setResponseHeaders) passed.push(name, value);
  passed.push(requestIdHeader, requestId);
  return passed;
}

/** Trailers of a response as they go to the client, as pairs. */
export function toClientTrailers(trailers: readonly string[]): [name: string, value: string][] {
  if (trailers.length === 0) return [];
  const passed = pass(trailers, keptOfTrailers, none);
  return Array.from({ length: passed.length / 2 }, (_, i) => [passed[2 * i] as string, passed[2 * i + 1] as string]);
}

/** Value of a header by its lower-case name, the last one where repeated. */
export function headerOf(headers: readonly string[], name: string): string | undefined {
  for (let i = headers.length - 2; i >= 0; i -= 2) {
    const given = headers[i] as string;
    if (given.length === name.length && given.toLowerCase() === name) return headers[i + 1];
  }
  return undefined;
}

function namesOf(headers: Routed["setHeaders"]): string[] {
  return headers.map(([name]) => name.toLowerCase());
}

/** @param kept names that stay behind, in lower case. @param replaced further ones. */
function pass(headers: readonly string[], kept: ReadonlySet<string>, replaced: readonly string[]): string[] {
  const named = connectionHeaders(headers);
  const passed: string[] = [];
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string;
    const lower = name.toLowerCase();
    if (kept.has(lower) || replaced.includes(lower) || named.includes(lower)) continue;
    passed.push(name, headers[i + 1] as string);
  }
  return passed;
}

/** What the `connection` header names as belonging to it. */
function connectionHeaders(headers: readonly string[]): readonly string[] {
  let named = none;
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string;
    if (name.length !== "connection".length || name.toLowerCase() !== "connection") continue;
    named = [...named, ...(headers[i + 1] as string).split(",").map((part) => part.trim().toLowerCase())];
  }
  return named;
}
