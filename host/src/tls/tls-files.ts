import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { createSecureContext } from "node:tls";
import { OutriderError } from "@outrider/core";

/** Private key and certificate of a server, in PEM. Envoy's client speaks at most TLS 1.2 by default. */
export interface TlsFiles {
  readonly key: string;
  /** Server certificate, then those that lead to its root. */
  readonly cert: string;
  readonly minVersion: "TLSv1.2";
}

/** A pair in the form that servers take. */
export function tlsFiles(key: string, cert: string): TlsFiles {
  return { key, cert, minVersion: "TLSv1.2" };
}

/**
 * Reads `tls.crt` and `tls.key` of a folder.
 * @throws {OutriderError} `CONFIG_INVALID` where one cannot be read or they do not belong together.
 */
export async function readTlsFiles(folder: string): Promise<TlsFiles> {
  const [cert, key] = await Promise.all([readPem(join(folder, "tls.crt")), readPem(join(folder, "tls.key"))]);
  try {
    createSecureContext({ cert, key });
  } catch (cause) {
    throw new OutriderError("CONFIG_INVALID", `${folder}: tls.crt and tls.key are no pair: ${messageOf(cause)}`, {
      cause,
    });
  }
  return tlsFiles(key, cert);
}

async function readPem(path: string): Promise<string> {
  return readFile(path, "utf8").catch((cause) => {
    throw new OutriderError("CONFIG_INVALID", `${path} cannot be read: ${messageOf(cause)}`, { cause });
  });
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
