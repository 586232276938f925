import type { ScrapeFault } from "./scrape-fault.ts";

/** How the end of a body is told. */
export type Framing =
  | { readonly kind: "length"; readonly bytes: number }
  | { readonly kind: "chunked" }
  | { readonly kind: "close" };

/** What the head of an answer says. */
export type ResponseHead =
  | { readonly kind: "page"; readonly framing: Framing; readonly keepAlive: boolean }
  /** A head of status 1xx: another follows. */
  | { readonly kind: "interim" }
  | { readonly kind: "fault"; readonly fault: ScrapeFault };

/** Reads the head of an answer, the empty line at its end left out. */
export function parseResponseHead(head: string): ResponseHead {
  const [statusLine, ...lines] = head.split("\r\n");
  const [, minor, status] = /^HTTP\/1\.([01]) (\d{3})(?: |$)/.exec(statusLine!) ?? [];
  if (minor === undefined) return fault("protocol", `not an answer of HTTP/1.1: ${JSON.stringify(head.slice(0, 40))}`);
  if (status!.startsWith("1")) return status === "101" ? fault("status", "status 101") : { kind: "interim" };
  if (status !== "200") return fault("status", `status ${status}`);
  const fields = toFields(lines);
  const encoding = fields.get("content-encoding") ?? "identity";
  if (encoding !== "identity") return fault("encoding", `content-encoding ${encoding}, though identity was asked for`);
  const framing = toFraming(fields);
  if (framing === undefined) return fault("protocol", "neither a length nor chunks that can be read");
  return { kind: "page", framing, keepAlive: framing.kind !== "close" && isKeptAlive(minor, fields) };
}

/** Fields by name in lower case; those of one name joined with a comma. */
function toFields(lines: readonly string[]): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(":");
    if (colon <= 0) continue;
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    const before = fields.get(name);
    fields.set(name, before === undefined ? value : `${before},${value}`);
  }
  return fields;
}

function toFraming(fields: ReadonlyMap<string, string>): Framing | undefined {
  const coding = fields.get("transfer-encoding");
  if (coding !== undefined) return coding.toLowerCase() === "chunked" ? { kind: "chunked" } : undefined;
  const length = fields.get("content-length");
  if (length === undefined) return { kind: "close" };
  return /^\d{1,15}$/.test(length) ? { kind: "length", bytes: Number(length) } : undefined;
}

function isKeptAlive(minor: string, fields: ReadonlyMap<string, string>): boolean {
  const options = (fields.get("connection") ?? "").toLowerCase().split(/[ ,]+/);
  return minor === "1" ? !options.includes("close") : options.includes("keep-alive");
}

function fault(reason: ScrapeFault["reason"], detail: string): ResponseHead {
  return { kind: "fault", fault: { reason, detail } };
}
