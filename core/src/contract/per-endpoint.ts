import type { EndpointInfo } from "./endpoints.ts";

/** Something computed of an endpoint once, and again when anything of the endpoint has changed. */
export function perEndpoint<T>(compute: (endpoint: EndpointInfo) => T): (endpoint: EndpointInfo) => T {
  const known: (EndpointInfo | undefined)[] = [];
  const values: T[] = [];
  return (endpoint) => {
    const { slot } = endpoint;
    if (known[slot] !== endpoint) {
      values[slot] = compute(endpoint);
      known[slot] = endpoint;
    }
    return values[slot];
  };
}
