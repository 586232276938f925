import { isIP } from "node:net";

/** Address to listen on. */
export interface ListenAddress {
  /** Name or address without brackets; empty = all interfaces. */
  readonly host: string;
  /** 0 = any free port. */
  readonly port: number;
}

/** An address as the command line has it, such as `127.0.0.1:9004`, `[::1]:0` or `:9004`; `undefined` for others. */
export function parseListenAddress(text: string): ListenAddress | undefined {
  const [, bracketed, plain = "", digits] = /^(?:\[([^\]]+)\]|([^:[\]]*)):(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  if (digits === undefined || port > 65_535) return undefined;
  if (bracketed !== undefined) return isIP(bracketed) === 6 ? { host: bracketed, port } : undefined;
  return /^[\w.-]*$/.test(plain) ? { host: plain, port } : undefined;
}

/** Whether only this machine can reach what listens there. */
export function isLoopback(host: string): boolean {
  if (host === "localhost" || host === "::1") return true;
  return isIP(host) === 4 && host.startsWith("127.");
}
