import { isIPv4, isIPv6 } from "node:net";

/** Host and port as somebody wrote them. */
export interface HostPort {
  /** Address without brackets, or a name. */
  readonly host: string;
  readonly port: number;
}

/** What is wrong with an address, and what to write instead. */
export interface AddressFault {
  readonly message: string;
  /** Empty = nothing better to say. */
  readonly hint: string;
}

/** Reads `host:port`, an IPv6 address in brackets. */
export function parseHostPort(text: string): HostPort | AddressFault {
  if (/^\w+:\/\//.test(text))
    return { message: "is a URL", hint: `write ${text.replace(/^\w+:\/\/([^/]*).*$/, "$1")}` };
  const [, bracketed, bare, port] = /^(?:\[([^\]]*)\]|([^:[\]]*)):([^:]*)$/.exec(text) ?? [];
  if (port === undefined) return withoutPort(text);
  const number = parsePort(port);
  if (number === undefined) return { message: `has no port between 1 and 65535 behind its colon`, hint: "" };
  if (bracketed !== undefined) {
    if (!isIpAddress(bracketed) || isIPv4(bracketed))
      return { message: "has no IPv6 address in its brackets", hint: "" };
    return { host: bracketed, port: number };
  }
  if (!isIPv4(bare!) && !isHostName(bare!))
    return { message: "has neither an IP address nor a name before its colon", hint: "" };
  return { host: bare!, port: number };
}

/** A port as text or number; `undefined` for what is none. */
export function parsePort(value: string | number): number | undefined {
  const port = typeof value === "number" ? value : /^[0-9]{1,5}$/.test(value) ? Number(value) : Number.NaN;
  return Number.isInteger(port) && port >= 1 && port <= 65_535 ? port : undefined;
}

/** Whether this is an IP address that means the same on every machine: one without a zone. */
export function isIpAddress(text: string): boolean {
  return isIPv4(text) || (isIPv6(text) && !text.includes("%"));
}

/** `ip:port` in its one form: an IPv6 address shortened and in brackets. */
export function formatAddress(ip: string, port: number): string {
  return isIPv4(ip) ? `${ip}:${port}` : `${new URL(`http://[${ip}]`).hostname}:${port}`;
}

function withoutPort(text: string): AddressFault {
  if (isIPv6(text)) return { message: "has no port", hint: `write [${text}]:8000` };
  if (text.includes(":")) return { message: "has several colons", hint: "put an IPv6 address in brackets" };
  return { message: "has no port", hint: text === "" ? "" : `write ${text}:8000` };
}

/** A name that a resolver may know; one of digits and dots alone is a mistyped address. */
function isHostName(text: string): boolean {
  return (
    /^(?=.{1,253}$)[a-zA-Z0-9_]([a-zA-Z0-9_-]{0,62})(\.[a-zA-Z0-9_-]{1,63})*\.?$/.test(text) && !/^[\d.]+$/.test(text)
  );
}
