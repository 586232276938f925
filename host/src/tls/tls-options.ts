/** TLS of ext_proc. */
export interface TlsOptions {
  /** Folder of `tls.crt` and `tls.key`; `undefined` = a self-signed certificate. */
  readonly certPath: string | undefined;
  /** Whether the files are read again when they change. */
  readonly reloads: boolean;
  /** Authority of the gateways' certificates, PEM; `undefined` = gateways need none. */
  readonly clientCaFile: string | undefined;
  /** Lowest version spoken. */
  readonly minVersion: "TLSv1.2" | "TLSv1.3";
  /** Suites by their names in Go, in order; empty = Node's. */
  readonly cipherSuites: readonly string[];
}
