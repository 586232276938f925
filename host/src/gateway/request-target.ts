/** What a request asks for. */
export interface RequestTarget {
  /** Path with its query. */
  readonly path: string;
  /** Authority of a target in absolute form, which stands in the place of the `host` header; `undefined` = none. */
  readonly authority: string | undefined;
}

/** Reads a target in origin form (`/path`) or absolute form (`http://host/path`); `undefined` for any other. */
export function parseTarget(url: string): RequestTarget | undefined {
  if (url.startsWith("/")) return { path: url, authority: undefined };
  const [, authority, path = ""] = /^https?:\/\/([^/?#@]+)([/?].*)?$/i.exec(url) ?? [];
  if (authority === undefined) return undefined;
  return { path: path.startsWith("/") ? path : `/${path}`, authority };
}

/** A path without its query. */
export function withoutQuery(path: string): string {
  const at = path.indexOf("?");
  return at < 0 ? path : path.slice(0, at);
}
