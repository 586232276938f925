/**
 * A path without its query and the slashes at its end; that of completions where the gateway sent none, as in the
 * reference EPP.
 */
export function toPlainPath(path: string): string {
  if (path === "") return "/v1/completions";
  const query = path.search(/[?#]/);
  const plain = query < 0 ? path : path.slice(0, query);
  return plain.endsWith("/") ? plain.replace(/\/+$/, "") : plain;
}

/** Whether a plain path ends with whole segments; a package of gRPC counts as segments, parted by dots. */
export function endsWithSegments(plainPath: string, suffix: string): boolean {
  if (!plainPath.endsWith(suffix)) return false;
  const before = plainPath.length - suffix.length;
  return before === 0 || plainPath[before - 1] === "/" || plainPath[before - 1] === ".";
}
