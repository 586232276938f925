import type { EndpointDirectory } from "../contract/index.ts";
import type { Filter } from "../cycle/types.ts";

/** Header by which a conformance test names the endpoints that a request may go to. */
export const selectionHeader = "test-epp-endpoint-selection";

/**
 * Keeps the endpoints that the request itself names in {@link selectionHeader}; none without it. Candidates have no
 * order of their own, here as behind any filter, so that the order of the header counts for nothing: the picker decides.
 */
export function createHeaderTestingFilter(name: string): Filter {
  return {
    name,
    type: "header-based-testing-filter",
    filter({ candidates, endpoints, request }) {
      const header = request.headers[selectionHeader] ?? "";
      const kept = Uint32Array.from(selectEndpoints(header, candidates, endpoints)).sort();
      return kept.length === candidates.length ? candidates : kept;
    },
  };
}

/**
 * Slots of the candidates that a header names, in its order: `IP` or `IP:port` each, IPv6 bare or in brackets with a
 * port. Of the endpoints of one IP only the first named.
 */
export function selectEndpoints(header: string, candidates: Uint32Array, endpoints: EndpointDirectory): number[] {
  const selected = new Map<string, number>();
  for (const entry of header.split(",")) {
    const wanted = entry.trim();
    const slot = candidates.find((candidate) => isNamed(wanted, endpoints.at(candidate)?.address ?? ""));
    if (slot === undefined) continue;
    const ip = ipOf(endpoints.at(slot)?.address ?? "");
    if (!selected.has(ip)) selected.set(ip, slot);
  }
  return [...selected.values()];
}

function isNamed(wanted: string, address: string): boolean {
  return wanted !== "" && (wanted === address || withoutBrackets(wanted) === ipOf(address));
}

/** `10.0.0.1:8000` → `10.0.0.1`, `[fd00::1]:8000` → `fd00::1`. */
function ipOf(address: string): string {
  return withoutBrackets(address.slice(0, address.lastIndexOf(":")));
}

function withoutBrackets(ip: string): string {
  return ip.startsWith("[") && ip.endsWith("]") ? ip.slice(1, -1) : ip;
}
