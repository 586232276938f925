/** Headers of one connection and not of the request (RFC 9110, 7.6.1), and those that the next hop writes anew. */
const hopHeaders: ReadonlySet<string> = new Set([
  "connection",
  "expect",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/**
 * Headers that go on to the next hop, as a flat list of names and values in order.
 * @param headers names and values in turn, as they came.
 * @param dropped further names in lower case.
 */
export function withoutHopHeaders(headers: readonly string[], dropped: readonly string[]): string[] {
  const named = connectionHeaders(headers);
  const kept: string[] = [];
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string;
    const lower = name.toLowerCase();
    if (hopHeaders.has(lower) || dropped.includes(lower) || named.includes(lower)) continue;
    kept.push(name, headers[i + 1] as string);
  }
  return kept;
}

/** What the `connection` header names as belonging to it. */
function connectionHeaders(headers: readonly string[]): readonly string[] {
  const named: string[] = [];
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i]?.toLowerCase() !== "connection") continue;
    for (const part of headers[i + 1]?.split(",") ?? []) named.push(part.trim().toLowerCase());
  }
  return named;
}
