import { isIP } from "node:net";
import { connect as connectTls } from "node:tls";
import { OutriderError } from "@outrider/core/contract";
import {
  type PluginTarget,
  type TlsIdentity,
  type TlsSource,
  toTlsOptions,
  type UnaryTarget,
} from "@outrider/transport";

/** Where and how a plugin is spoken to. */
export type LinkTarget =
  | { readonly kind: "session"; readonly target: PluginTarget }
  | { readonly kind: "unary"; readonly target: UnaryTarget };

/**
 * Reads the address of a remote plugin: `unix:` and `h2c://` are Sessions, `http://` is unary, `https://` is what the
 * server chooses by ALPN.
 * @throws {OutriderError} `PLUGIN_REJECTED` for what is no such address, `SCORER_UNAVAILABLE` where nobody answers.
 */
export async function toLinkTarget(url: string, timeoutMs: number, tls?: TlsSource): Promise<LinkTarget> {
  if (url.startsWith("unix:")) {
    const path = url.slice("unix:".length).replace(/^\/\/(?=\/)/, "");
    return { kind: "session", target: { kind: "socket", path } };
  }
  const parsed = parseUrl(url);
  if (parsed.protocol === "h2c:") return { kind: "session", target: { kind: "url", url } };
  if (parsed.protocol === "http:") return { kind: "unary", target: { kind: "url", url } };
  const protocol = await negotiate(parsed, timeoutMs, tls?.() ?? {});
  return { kind: protocol === "h2" ? "session" : "unary", target: { kind: "url", url, tls } };
}

function parseUrl(url: string): URL {
  const parsed = URL.parse(url);
  if (parsed === null || !["h2c:", "http:", "https:"].includes(parsed.protocol) || parsed.host === "") {
    throw new OutriderError("PLUGIN_REJECTED", `"${url}" is no address: write unix:PATH, h2c://, http:// or https://`);
  }
  return parsed;
}

function negotiate({ hostname, port }: URL, timeoutMs: number, identity: TlsIdentity): Promise<string | false | null> {
  const host = hostname.replace(/^\[|\]$/g, "");
  return new Promise((resolve, reject) => {
    const fail = (cause: Error) => {
      socket.destroy();
      reject(new OutriderError("SCORER_UNAVAILABLE", `${host}: ${cause.message}`, { cause }));
    };
    const servername = isIP(host) === 0 ? host : "";
    const address = { host, port: Number(port || 443), ALPNProtocols: ["h2", "http/1.1"] };
    const socket = connectTls({ ...address, servername, ...toTlsOptions(identity) });
    socket.setTimeout(timeoutMs, () => fail(new Error(`no TLS handshake within ${timeoutMs} ms`)));
    socket.once("error", fail);
    socket.once("secureConnect", () => {
      resolve(socket.alpnProtocol);
      socket.destroy();
    });
  });
}
