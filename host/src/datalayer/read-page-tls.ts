import { createHash } from "node:crypto";
import { createSecureContext } from "node:tls";
import { OutriderError } from "@outrider/core";
import { readAuthorities, readKeyPairOf } from "../tls/pem-files.ts";
import type { PageTls } from "./page-connection.ts";
import type { PageSettings } from "./settings.ts";

/** What a page's certificates came to. */
export interface ReadPageTls {
  /** `undefined` = plaintext. */
  readonly tls: PageTls | undefined;
  /** The same text for the same certificates. */
  readonly fingerprint: string;
}

/**
 * Reads the certificates that a page is fetched with.
 * @throws {OutriderError} `CONFIG_INVALID` where a file cannot be read or is not what it should be.
 */
export async function readPageTls(settings: PageSettings | undefined): Promise<ReadPageTls> {
  if (settings === undefined || settings.scheme === "http") return { tls: undefined, fingerprint: "" };
  const { insecureSkipVerify, caCertPath, clientCertPath, clientKeyPath } = settings;
  const ca = caCertPath === "" || insecureSkipVerify ? undefined : await readAuthorities(caCertPath);
  const pair = clientCertPath === "" ? undefined : await readKeyPairOf(clientCertPath, clientKeyPath);
  const parts = { ...(ca === undefined ? {} : { ca }), ...pair };
  const fingerprint = createHash("sha256").update(JSON.stringify(parts)).digest("hex");
  return { tls: { context: toContext(parts), verifies: !insecureSkipVerify }, fingerprint };
}

function toContext(parts: { readonly ca?: string; readonly key?: string; readonly cert?: string }) {
  try {
    return createSecureContext(parts);
  } catch (cause) {
    const fault = cause instanceof Error ? cause.message : String(cause);
    throw new OutriderError("CONFIG_INVALID", `TLS refuses the certificates for pages of endpoints: ${fault}`, {
      cause,
    });
  }
}
