import { stringify } from "yaml";

/** Parameters in one line, as ` (tieBreak: random)`; empty where there are none. */
export function formatParameters(parameters: unknown): string {
  if (typeof parameters !== "object" || parameters === null || Object.keys(parameters).length === 0) return "";
  const text = stringify(parameters, { collectionStyle: "flow", lineWidth: 0 }).trim();
  return ` (${text.slice(1, -1).trim()})`;
}
