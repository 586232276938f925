import type { HeaderPair } from "./messages/answers.ts";
import type { HeaderList } from "./messages/header-list.ts";
import { hasServedNamespace, readServed, splitEndpoints } from "./messages/metadata.ts";
import type { ProcessingMessage } from "./messages/processing-request.ts";

/** Request header that takes the place of the gateway's subset. */
const selectionHeader = "test-epp-endpoint-selection";
const servedHeader = "x-conformance-test-served-endpoint";

/** Endpoints that a suite's request allows, `ip` or `ip:port` each; `undefined` where it says nothing, blank = none. */
export function readSelection(headers: HeaderList): readonly string[] | undefined {
  const value = headers.get(selectionHeader);
  return value === undefined ? undefined : splitEndpoints(value);
}

/** Header by which a suite's model server says which endpoint it was sent to. */
export function echoHeader(destination: string): HeaderPair {
  return ["X-Echo-Set-Header", `${servedHeader}:${destination}`];
}

/** Header of a suite's response: the endpoint that answered, or why it is not known. */
export function servedEndpoint({ bytes, metadata }: ProcessingMessage): HeaderPair {
  const served = readServed(bytes, metadata);
  if (served !== undefined) return [servedHeader, served];
  const isSpaceThere = hasServedNamespace(bytes, metadata);
  const missing = isSpaceThere ? "destination endpoint served" : "envoy lb";
  return [servedHeader, `fail: missing ${missing} metadata`];
}

/** Headers of a suite's response: the endpoint that was picked, and the pool it is of. */
export function pickHeaders(pick: string | undefined, poolName: string | undefined): readonly HeaderPair[] {
  return [
    ...(pick === undefined ? [] : [["x-conformance-test-selected-endpoint", pick] as const]),
    ...(poolName === undefined ? [] : [["x-conformance-test-epp-pool", poolName] as const]),
  ];
}
