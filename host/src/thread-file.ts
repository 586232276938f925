import { extname } from "node:path";
import { fileURLToPath } from "node:url";

/**
 * Path of a module that runs in a thread of its own: TypeScript where the host runs from its sources, JavaScript where it
 * was built.
 * @param source URL of it as a source.
 * @param own URL of any module of the host; default this one.
 */
export function threadFile(source: URL, own = import.meta.url): string {
  return fileURLToPath(source).replace(/\.ts$/, extname(new URL(own).pathname));
}
