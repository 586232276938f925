import {
  destinationOf,
  expectEqual,
  firstFault,
  metadataDestination,
  repeatedHeaders,
  routeOf,
  subsetOf,
  touched,
} from "../observation.ts";
import { headerOf } from "../stream/reply.ts";
import type { Property } from "./property.ts";

const destinationHeader = "x-gateway-destination-endpoint";

/** Where requests are sent, and what the gateway is told of it. */
export const destinationProperties: readonly Property[] = [
  {
    pattern: /^(?:(?:request_headers|request_body) reply with )?destination(?: is| ==)? (\S*\d\S*)$/,
    check: ({ streams }, address) => expectEqual("destination", destinationOf(streams.at(-1)), address),
  },
  {
    pattern:
      /^(?:(?:request_headers|request_body) reply with )?destination (?:is )?(?:one of|among|in) (\S+(?:(?:,| or) \S+)*)$/,
    check: ({ streams }, list) => {
      const allowed = list.split(/,\s*|\s+or\s+/);
      const destination = destinationOf(streams.at(-1)) ?? "none";
      return allowed.includes(destination) ? undefined : `destination ${destination} is none of ${allowed}`;
    },
  },
  {
    pattern: /^(?:destination )?(?:is )?(?:never|not) (\d\S+:\d+)$/,
    check: ({ streams }, address) =>
      firstFault(streams, (stream) =>
        destinationOf(stream)?.split(",").includes(address) ? `${address} is picked` : undefined,
      ),
  },
  {
    pattern: /^no destination$/,
    check: ({ streams }) =>
      firstFault(streams, (stream) =>
        destinationOf(stream) === undefined ? undefined : `destination ${destinationOf(stream)}`,
      ),
  },
  {
    pattern: /^destination key present in reply (\d+) metadata$/,
    check: ({ streams }, index) =>
      metadataDestination(streams[0]?.replies[Number(index)]) === undefined
        ? "no destination in the metadata"
        : undefined,
  },
  {
    pattern: /^(?:set_headers|header) destination == (?:dynamic_metadata (?:envoy\.lb )?|metadata )destination$/,
    check: ({ streams }) => {
      const reply = routeOf(streams.at(-1));
      const header = headerOf(reply, destinationHeader);
      if (header === undefined) return "no destination header";
      return expectEqual("metadata", metadataDestination(reply), header);
    },
  },
  {
    pattern: /^value (ip:port(?:,ip:port)*) without spaces, best first$/,
    check: ({ streams, endpoints }, form) => {
      const count = form.split(",").length;
      return expectEqual("destination", destinationOf(streams.at(-1)), endpoints.slice(0, count).join(","));
    },
  },
  {
    pattern: /^(?:one|a single) (?:endpoint|ip:port|destination)$/,
    check: ({ streams, endpoints }) => {
      const destination = destinationOf(streams.at(-1)) ?? "none";
      return endpoints.includes(destination) ? undefined : `destination ${destination}`;
    },
  },
  {
    pattern: /^IPv6 (?:addresses |endpoints )?(?:are |is )?(?:bracketed|in brackets)$/i,
    check: ({ streams }) => {
      const destination = destinationOf(streams.at(-1)) ?? "none";
      const odd = destination.split(",").find((endpoint) => !/^(?:\[[0-9a-f:.]+\]|[^:]+):\d+$/i.test(endpoint));
      return odd === undefined ? undefined : `destination ${destination}`;
    },
  },
  {
    pattern:
      /^(?:treated as a list|(?:picked|chosen) from the subset|destination (?:is )?(?:in|inside|within) the subset)$/,
    check: ({ streams }) => {
      const allowed = subsetOf(streams.at(-1)).split(/\s*,\s*/);
      const destination = destinationOf(streams.at(-1)) ?? "none";
      const isAllowed = allowed.some((entry) => entry === destination || entry === withoutPort(destination));
      return isAllowed ? undefined : `destination ${destination} is none of ${allowed}`;
    },
  },
  {
    pattern:
      /^(?:the )?client(?:-sent|'s)? (?:destination|destination header|x-gateway-destination-endpoint) (?:is )?overwritten$/,
    check: ({ streams, endpoints }) => {
      const destination = destinationOf(streams.at(-1)) ?? "none";
      return destination.split(",").every((endpoint) => endpoints.includes(endpoint))
        ? undefined
        : `destination ${destination}`;
    },
  },
  {
    pattern: /^(?:both|all) values reach the backend$/,
    check: ({ streams }) => firstFault(repeatedHeaders(streams.at(-1)), (name) => touched(streams.at(-1), name)),
  },
  {
    pattern: /^re-emitting headers through set_headers must not collapse them$/,
    check: ({ streams }) => firstFault(repeatedHeaders(streams.at(-1)), (name) => touched(streams.at(-1), name)),
  },
  {
    pattern: /^repeated headers are (?:preserved|kept)(?:, in order)?$/,
    check: ({ streams }) => firstFault(repeatedHeaders(streams.at(-1)), (name) => touched(streams.at(-1), name)),
  },
];

function withoutPort(destination: string): string {
  return destination.slice(0, destination.lastIndexOf(":")).replace(/^\[|\]$/g, "");
}
