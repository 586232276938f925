/** An endpoint of a fleet. */
export interface FleetEndpoint {
  readonly name: string;
  /** `ip:port`. */
  readonly endpoint: string;
  /** What it is, as in the label `llm-d.ai/role`; empty: it has no such label. */
  readonly role: string;
}

/** The endpoints as a file that `outrider serve --endpoints-file` and `file-discovery` read. */
export function toEndpointsFile(endpoints: readonly FleetEndpoint[]): string {
  const entries = endpoints.map(({ name, endpoint, role }) => {
    const [address, port] = endpoint.split(":");
    return { name, address, port, ...(role === "" ? {} : { labels: { "llm-d.ai/role": role } }) };
  });
  return `${JSON.stringify({ endpoints: entries }, undefined, 2)}\n`;
}
