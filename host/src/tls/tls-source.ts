import { dirname } from "node:path";
import { createSecureContext } from "node:tls";
import { type CycleClock, OutriderError } from "@outrider/core";
import type { Registry } from "prom-client";
import type { Log } from "../log.ts";
import { suitsKey, toCiphers } from "./cipher-suites.ts";
import { createTlsMetrics, type TlsMetrics } from "./metrics.ts";
import { type KeyPair, leafOf, readAuthorities, readKeyPair } from "./pem-files.ts";
import { createSelfSigned } from "./self-signed.ts";
import type { TlsOptions } from "./tls-options.ts";
import { type FolderWatch, watchFolders } from "./watch-folders.ts";

/** A server's side of TLS, in the form that servers take. */
export interface ServerTls extends KeyPair {
  /** Lowest version spoken. Envoy's client speaks at most 1.2 by default. */
  readonly minVersion: "TLSv1.2" | "TLSv1.3";
  /** Suites in order, as OpenSSL writes them; `undefined` = Node's. */
  readonly ciphers: string | undefined;
  /** Authorities of the clients' certificates, PEM; `undefined` = clients need none. */
  readonly ca: string | undefined;
  /** Whether clients are asked for a certificate, and refused without one of these authorities. */
  readonly requestCert: boolean;
  readonly rejectUnauthorized: boolean;
}

/** A server's side of TLS, which changes while it serves. */
export interface TlsSource {
  /** For connections from now on. */
  readonly current: ServerTls;
  /** Called after each change of `current`. */
  onChange(listener: (tls: ServerTls) => void): void;
  /** A client did not get through: counted, and told at -v=4. */
  handshakeFailed(error: Error): void;
  /** Looks at no file any more. */
  close(): void;
}

/** What a {@link TlsSource} needs beside its options. */
export interface TlsSourceParts {
  readonly clock: CycleClock;
  readonly log: Pick<Log, "debug" | "info" | "warn">;
  readonly registry: Registry;
}

/**
 * Reads the files that the options name, or signs a certificate itself; reads them again when they change. Files that are
 * wrong then leave the ones before in use.
 * @throws {OutriderError} `CONFIG_INVALID` where a file cannot be read, is not what it should be, or does not fit another.
 */
export async function createTlsSource(options: TlsOptions, parts: TlsSourceParts): Promise<TlsSource> {
  const selfSigned = options.certPath === undefined ? await createSelfSigned(parts.clock.nowMs()) : undefined;
  const read = async () => toServerTls(options, selfSigned ?? (await readKeyPair(options.certPath ?? "")));
  return new FileSource(options, await read(), read, parts);
}

async function toServerTls(options: TlsOptions, { key, cert }: KeyPair): Promise<ServerTls> {
  const ca = options.clientCaFile === undefined ? undefined : await readAuthorities(options.clientCaFile);
  const tls: ServerTls = {
    key,
    cert,
    minVersion: options.minVersion,
    ciphers: toCiphers(options.cipherSuites),
    ca,
    requestCert: ca !== undefined,
    rejectUnauthorized: ca !== undefined,
  };
  try {
    createSecureContext(tls);
  } catch (cause) {
    const fault = cause instanceof Error ? cause.message : String(cause);
    throw new OutriderError("CONFIG_INVALID", `TLS refuses key and certificate: ${fault}`, { cause });
  }
  return tls;
}

class FileSource implements TlsSource {
  current: ServerTls;
  readonly #options: TlsOptions;
  readonly #read: () => Promise<ServerTls>;
  readonly #parts: TlsSourceParts;
  readonly #metrics: TlsMetrics;
  readonly #listeners: ((tls: ServerTls) => void)[] = [];
  readonly #watch: FolderWatch | undefined;
  /** Fault of the last reading, and the one that was told last; empty = none. */
  #fault = "";
  #toldFault = "";

  constructor(options: TlsOptions, first: ServerTls, read: () => Promise<ServerTls>, parts: TlsSourceParts) {
    this.#options = options;
    this.#read = read;
    this.#parts = parts;
    this.#metrics = createTlsMetrics(parts.registry);
    this.current = first;
    this.#use(first);
    const { certPath, clientCaFile } = options;
    const folders = [certPath, clientCaFile && dirname(clientCaFile)].filter((folder) => folder !== undefined);
    if (options.reloads && folders.length > 0) {
      this.#watch = watchFolders([...new Set(folders)], parts.clock, () => this.#lookAgain());
    }
  }

  onChange(listener: (tls: ServerTls) => void): void {
    this.#listeners.push(listener);
  }

  handshakeFailed(error: Error): void {
    this.#metrics.handshakeFailed();
    this.#parts.log.debug({ err: error }, "a TLS handshake failed");
  }

  close(): void {
    this.#watch?.close();
  }

  /** Looks soon again where a fault is new: key and certificate may be between two writes. */
  async #lookAgain(): Promise<boolean> {
    const before = this.#fault;
    try {
      this.#noteFiles(await this.#read());
      this.#fault = "";
      this.#toldFault = "";
    } catch (cause) {
      if (!(cause instanceof OutriderError)) throw cause;
      this.#fault = cause.message;
      if (this.#fault === before && this.#fault !== this.#toldFault) this.#tell(this.#fault);
    }
    return this.#fault !== before && this.#fault !== "";
  }

  #noteFiles(tls: ServerTls): void {
    const { key, cert, ca } = this.current;
    if (tls.key === key && tls.cert === cert && tls.ca === ca) return;
    this.#use(tls);
    this.#metrics.reloaded("reloaded");
    this.#parts.log.info({ expires: leafOf(tls.cert).validToDate }, "new TLS files are in use for new connections");
    for (const listener of this.#listeners) listener(tls);
  }

  #use(tls: ServerTls): void {
    this.current = tls;
    const certificate = leafOf(tls.cert);
    const expires = certificate.validToDate;
    this.#metrics.inUse(expires.getTime());
    if (expires.getTime() < this.#parts.clock.nowMs()) {
      this.#parts.log.warn({ expires }, "the certificate of ext_proc has expired: gateways that verify it refuse it");
    }
    const keyType = certificate.publicKey.asymmetricKeyType;
    if (tls.minVersion === "TLSv1.2" && !suitsKey(this.#options.cipherSuites, keyType)) {
      this.#parts.log.warn({ keyType }, "--tls-cipher-suites has no suite of TLS 1.2 for the key of the certificate");
    }
  }

  #tell(fault: string): void {
    this.#toldFault = fault;
    this.#metrics.reloaded("failed");
    this.#parts.log.warn(`the TLS files cannot be used, so the ones before stay in use: ${fault}`);
  }
}
