import { extname } from "node:path";
import { fileURLToPath } from "node:url";

/**
 * Path of a module that runs in a thread of its own: TypeScript beside sources, JavaScript beside what was built of them.
 * @param source its name as a source, such as `./thread.ts`.
 * @param from `import.meta.url` of the module beside it.
 */
export function threadFile(source: string, from: string): string {
  return fileURLToPath(new URL(source, from)).replace(/\.ts$/, extname(new URL(from).pathname));
}
