import { randomUUID } from "node:crypto";

/** Header by which a request is named, from the client to the model server and back. */
export const requestIdHeader = "x-request-id";

const maxChars = 256;

/** Name of a request: the client's where it is printable ASCII of at most 256 characters, otherwise a UUID. */
export function toRequestId(given: string | readonly string[] | undefined): string {
  return typeof given === "string" && isFit(given) ? given : randomUUID();
}

function isFit(id: string): boolean {
  if (id.length === 0 || id.length > maxChars) return false;
  for (let i = 0; i < id.length; i++) {
    const code = id.charCodeAt(i);
    if (code < 0x20 || code > 0x7e) return false;
  }
  return true;
}
