import { readFile } from "node:fs/promises";
import type { CycleClock } from "@outrider/core";
import { OutriderError } from "@outrider/core/contract";
import type { TlsIdentity, TlsSource } from "@outrider/transport";
import type { Logger } from "pino";
import { readAuthorities, readKeyPairOf } from "../tls/pem-files.ts";
import type { ProcessSpec, RemoteTls } from "./types.ts";

/** What convinces a plugin that is served elsewhere, and what has to convince the host. */
export interface RemoteCredentials {
  /** Bearer token as it was last read; empty = none. */
  readonly token: string;
  /** Certificates as they were last read; `undefined` = the system's authorities, and none of our own. */
  readonly tls: TlsSource | undefined;
  /**
   * Reads all files again. What cannot be read now stays as it was.
   * @throws {OutriderError} `SCORER_UNAVAILABLE` where it was never read before.
   */
  read(): Promise<void>;
}

/** Between two readings while a connection is in use, in ms. */
const rereadMs = 1_000;

/** A process at an address. */
export type RemoteSpec = Extract<ProcessSpec, { kind: "url" }>;

/** Nothing is read yet. Files are read again with each connection, and behind the scenes while one is used. */
export function createRemoteCredentials(
  { name, tokenFile, tls: files }: RemoteSpec,
  clock: CycleClock,
  log: Logger,
): RemoteCredentials {
  let token: string | undefined;
  let identity: TlsIdentity | undefined;
  let readAtMs = Number.NEGATIVE_INFINITY;

  const attempt = async <T>(read: () => Promise<T>, before: T | undefined): Promise<T> => {
    try {
      return await read();
    } catch (cause) {
      const message = `process ${name}: ${(cause as Error).message}`;
      if (before === undefined) throw new OutriderError("SCORER_UNAVAILABLE", message, { cause });
      log.warn(`${message}; what was read before stays in use`);
      return before;
    }
  };
  const read = async () => {
    readAtMs = clock.elapsedMs();
    if (tokenFile !== undefined) token = await attempt(() => readToken(tokenFile), token);
    if (files !== undefined) identity = await attempt(() => readIdentity(files), identity);
  };
  const refresh = () => {
    if (clock.elapsedMs() - readAtMs < rereadMs) return;
    read().catch(() => {});
  };

  return {
    get token() {
      if (tokenFile !== undefined) refresh();
      return token ?? "";
    },
    tls:
      files === undefined
        ? undefined
        : () => {
            refresh();
            return identity ?? {};
          },
    read,
  };
}

async function readToken(path: string): Promise<string> {
  const text = await readFile(path, "utf8").catch((cause: Error) => {
    throw new Error(`tokenFile: ${cause.message}`, { cause });
  });
  const token = text.trim();
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  throw new Error(`tokenFile: ${path} holds no token: one line of visible ASCII characters is needed`);
}

async function readIdentity({ caFile, certFile, keyFile, serverName }: RemoteTls): Promise<TlsIdentity> {
  const ca = caFile === undefined ? undefined : await readAuthorities(caFile).catch(naming("tls.ca"));
  const pair =
    certFile === undefined || keyFile === undefined
      ? undefined
      : await readKeyPairOf(certFile, keyFile).catch(naming("tls.cert"));
  return { ca, cert: pair?.cert, key: pair?.key, serverName };
}

function naming(field: string): (cause: Error) => never {
  return (cause) => {
    throw new Error(`${field}: ${cause.message}`, { cause });
  };
}
