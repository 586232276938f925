import { lookup } from "node:dns/promises";
import { type EndpointEntry, OutriderError } from "@outrider/core";
import { formatAddress, isIpAddress, parseHostPort } from "./address.ts";
import type { EndpointSource } from "./endpoint-source.ts";

/** Addresses of a name. */
export type Resolve = (name: string) => Promise<readonly { readonly address: string; readonly family: number }[]>;

const resolveBySystem: Resolve = (name) => lookup(name, { all: true });

/**
 * Endpoints named on the command line, `host:port` each, an IPv6 address in brackets. A name is resolved once, at the
 * start, to its first IPv4 address, else its first IPv6 address. The id of an endpoint is its address.
 */
export function createStaticSource(endpoints: readonly string[], resolve: Resolve = resolveBySystem): EndpointSource {
  const name = "--endpoints";
  return {
    name,
    async start() {
      const read = await Promise.all(endpoints.map((text) => readEndpoint(text, resolve)));
      const faults = [...read.filter((result) => typeof result === "string"), ...findTwins(endpoints, read)];
      if (faults.length > 0) {
        throw new OutriderError("ENDPOINTS_INVALID", faults.map((fault) => `${name} ${fault}`).join("\n"));
      }
      return read.filter((result) => typeof result !== "string");
    },
    stop: () => undefined,
  };
}

/** The endpoint, or what is wrong with it. */
async function readEndpoint(text: string, resolve: Resolve): Promise<EndpointEntry | string> {
  const parsed = parseHostPort(text);
  const shown = JSON.stringify(text.slice(0, 100));
  if ("message" in parsed) return `${shown}: ${parsed.message}${parsed.hint === "" ? "" : ` (${parsed.hint})`}`;
  const { host, port } = parsed;
  const ip = isIpAddress(host) ? host : await findAddress(host, resolve);
  if (ip === undefined) return `${shown}: no address is known of the name ${host}`;
  const address = formatAddress(ip, port);
  return { id: address, address, labels: {} };
}

async function findAddress(name: string, resolve: Resolve): Promise<string | undefined> {
  const found = await resolve(name).catch(() => []);
  return (found.find(({ family }) => family === 4) ?? found[0])?.address;
}

/** A fault for each endpoint that is there already. */
function findTwins(texts: readonly string[], read: readonly (EndpointEntry | string)[]): string[] {
  const first = new Map<string, string>();
  return read.flatMap((entry, i) => {
    if (typeof entry === "string") return [];
    const twin = first.get(entry.address);
    if (twin === undefined) first.set(entry.address, texts[i]);
    return twin === undefined ? [] : [`${JSON.stringify(texts[i])}: is the endpoint ${JSON.stringify(twin)} again`];
  });
}
