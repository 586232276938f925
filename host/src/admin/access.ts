import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { isLoopback, parseListenAddress } from "./address.ts";

/** Why a request is turned away. */
export interface Denial {
  readonly status: 400 | 401 | 403;
  /** Connect's code. */
  readonly code: "invalid_argument" | "unauthenticated" | "permission_denied";
  readonly message: string;
}

/** Decides who may ask; `undefined` = this one may. */
export type AccessCheck = (request: IncomingMessage) => Denial | undefined;

/**
 * With a token, who brings it may ask. Without, who names this machine: a web page that has its own name resolve to
 * 127.0.0.1 says that name.
 */
export function createAccessCheck(token: string | undefined): AccessCheck {
  if (token === undefined) return checkHost;
  const wanted = digest(token);
  return ({ headers }) => {
    const [, given] = /^bearer +(\S+) *$/i.exec(headers.authorization ?? "") ?? [];
    if (given !== undefined && timingSafeEqual(digest(given), wanted)) return undefined;
    const message = given === undefined ? "send authorization: Bearer TOKEN" : "the token is wrong";
    return { status: 401, code: "unauthenticated", message };
  };
}

function checkHost({ headers: { host = "" } }: IncomingMessage): Denial | undefined {
  const address = parseListenAddress(host) ?? parseListenAddress(`${host}:80`);
  if (address !== undefined && isLoopback(address.host.toLowerCase())) return undefined;
  const message = "ask by an address of this machine, such as 127.0.0.1, or start the host with --admin-token-file";
  return { status: 403, code: "permission_denied", message };
}

/** Turns away what has no URL: the library behind this check would throw for it where nobody catches. */
export function checkUrl({ url = "", headers: { host = "" } }: IncomingMessage): Denial | undefined {
  if (URL.canParse(url, `http://${host}`)) return undefined;
  return { status: 400, code: "invalid_argument", message: "host and path of the request are no URL" };
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
