import { renameSync, writeFileSync } from "node:fs";

/** Writes a file of endpoints, whole at once as Kubernetes does. */
export function writeEndpoints(file: string, endpoints: readonly string[]): void {
  const rows = endpoints.map((endpoint) => {
    const colon = endpoint.lastIndexOf(":");
    const port = endpoint.slice(colon + 1);
    return `- { name: server-${port}, address: ${endpoint.slice(0, colon)}, port: ${port} }`;
  });
  writeFileSync(`${file}.new`, rows.length === 0 ? "endpoints: []\n" : `endpoints:\n${rows.join("\n")}\n`);
  renameSync(`${file}.new`, file);
}
