import type { Routed } from "../scheduling/types.ts";
import { echoHeader } from "./conformance.ts";
import type { HeaderPair, ModeOverride, RouteAnswer } from "./messages/answers.ts";
import type { HeaderList } from "./messages/header-list.ts";

/** Headers of the gateway's own dealings that a client has no business to send on. */
const gatewayOnlyHeaders = ["x-gateway-destination-endpoint-subset", "x-gateway-destination-endpoint-served"];

/** What an answer with a route depends on besides the route. */
export interface RouteContext {
  /** Headers of the request. */
  readonly headers: HeaderList;
  /** Headers that an earlier decision on this request set; they go, where this one does not set them. */
  readonly staleHeaders: readonly HeaderPair[];
  /** Header that has to go, since the length of the body may change; `undefined` = none. */
  readonly lengthHeader: string | undefined;
  readonly override: ModeOverride | undefined;
  /** Whether the headers of conformance suites are set. */
  readonly isConformance: boolean;
}

/** What the gateway is told of a request that goes to an endpoint. */
export function toRouteAnswer(
  { destinations, setHeaders, removeHeaders, scores }: Routed,
  context: RouteContext,
): RouteAnswer {
  const { headers, staleHeaders, lengthHeader, override, isConformance } = context;
  const isSet = (name: string) => setHeaders.some(([key]) => key === name);
  const remove = gatewayOnlyHeaders.filter((name) => headers.has(name));
  for (const name of removeHeaders) if (headers.has(name) && !isSet(name)) remove.push(name);
  for (const [name] of staleHeaders) if (!isSet(name) && !remove.includes(name)) remove.push(name);
  if (lengthHeader !== undefined) remove.push(lengthHeader);
  const set = isConformance ? [echoHeader(destinations[0] ?? ""), ...setHeaders] : setHeaders;
  return { destination: destinations.join(","), scores, set, remove, override };
}
