/** What a TLS connection to a plugin is made with; PEM. */
export interface TlsIdentity {
  /** Authorities that the plugin's certificate is checked against; default the system's. */
  readonly ca?: string | undefined;
  /** Our own certificate, with those between it and its authority; default none. */
  readonly cert?: string | undefined;
  /** Its key. */
  readonly key?: string | undefined;
  /** Name that the plugin's certificate must be for; default the URL's host. */
  readonly serverName?: string | undefined;
}

/** Asked for each new connection, so that files that have changed count. What it throws fails the connection. */
export type TlsSource = () => TlsIdentity;

/** Options of `node:tls` for one connection. */
export function toTlsOptions({ ca, cert, key, serverName }: TlsIdentity): {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly servername?: string;
} {
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(serverName === undefined ? {} : { servername: serverName }),
  };
}
