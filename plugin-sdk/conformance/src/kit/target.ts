import { connect as connectTcp, isIP, type NetConnectOpts } from "node:net";
import { connect as connectTls } from "node:tls";
import type { PluginTarget, UnaryTarget } from "@outrider/transport";
import { CannotVerify } from "../rule.ts";

/** Where and how a plugin is spoken to. */
export type SpokenTarget =
  | { readonly kind: "session"; readonly target: PluginTarget }
  | { readonly kind: "unary"; readonly target: UnaryTarget };

/**
 * How an address is spoken to: `unix:` and `h2c://` are Sessions, `http://` is unary, `https://` what is agreed by ALPN.
 * @throws {CannotVerify} for what is no address.
 * @throws {Error} where nobody is there.
 */
export async function toSpokenTarget(address: string, timeoutMs: number): Promise<SpokenTarget> {
  if (address.startsWith("unix:")) {
    const path = address.slice("unix:".length).replace(/^\/\/(?=\/)/, "");
    await knock({ path }, timeoutMs);
    return { kind: "session", target: { kind: "socket", path } };
  }
  const url = URL.parse(address);
  if (url === null || url.host === "") throw new CannotVerify(`"${address}" is no address with host and port`);
  const target = { kind: "url", url: address } as const;
  if (url.protocol === "https:") {
    const isHttp2 = (await agreeProtocol(url, timeoutMs)) === "h2";
    return { kind: isHttp2 ? "session" : "unary", target };
  }
  await knock({ host: bareHost(url), port: Number(url.port || 80) }, timeoutMs);
  return { kind: url.protocol === "h2c:" ? "session" : "unary", target };
}

function bareHost({ hostname }: URL): string {
  return hostname.replace(/^\[|\]$/g, "");
}

function knock(place: NetConnectOpts, timeoutMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connectTcp({ ...place, timeout: timeoutMs });
    socket.once("error", reject);
    socket.once("timeout", () => socket.destroy(new Error(`no connection within ${timeoutMs} ms`)));
    socket.once("connect", () => {
      socket.destroy();
      resolve();
    });
  });
}

function agreeProtocol(url: URL, timeoutMs: number): Promise<string | false | null> {
  const host = bareHost(url);
  return new Promise((resolve, reject) => {
    const servername = isIP(host) === 0 ? host : "";
    const socket = connectTls({ host, port: Number(url.port || 443), servername, ALPNProtocols: ["h2", "http/1.1"] });
    socket.setTimeout(timeoutMs, () => socket.destroy(new Error(`no TLS handshake within ${timeoutMs} ms`)));
    socket.once("error", reject);
    socket.once("secureConnect", () => {
      resolve(socket.alpnProtocol);
      socket.destroy();
    });
  });
}
