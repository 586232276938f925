import { dirname, resolve } from "node:path";
import { type RawConfig, readConfigBytes } from "../config/source.ts";
import { systemClock } from "../system-clock.ts";
import { watchFile } from "../watch-file.ts";

/**
 * Watches the file of the configuration.
 * @param noticed hears what it holds in the beginning and behind each change, or why it cannot be read.
 * @returns what ends it.
 */
export function watchConfigFile(path: string, noticed: (found: RawConfig | Error) => void): () => void {
  const folder = dirname(resolve(path));
  return watchFile({
    path,
    clock: systemClock,
    read: () => readConfigBytes(path),
    changed(content) {
      if (content.kind === "bytes") noticed({ name: path, bytes: content.bytes, folder });
      else noticed(content.cause instanceof Error ? content.cause : new Error(String(content.cause)));
    },
  });
}
