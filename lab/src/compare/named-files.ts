import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { pipeline } from "node:stream/promises";
import { parse } from "yaml";

/** Hashes of files, each read once. */
export interface FileHashes {
  /** Hashes of those of the names that are files, by name. @param folder that they start from. */
  of(names: readonly string[], folder: string): Promise<Readonly<Record<string, string>>>;
}

/** Longest word that can be a path. */
const maxPathLength = 4096;

/** Remembers what it has read. */
export function createFileHashes(): FileHashes {
  const known = new Map<string, Promise<string | undefined>>();
  const hashOf = (path: string) => {
    const hash = known.get(path) ?? hashFile(path);
    known.set(path, hash);
    return hash;
  };
  return {
    async of(names, folder) {
      const hashes = await Promise.all(names.map(async (name) => [name, await hashOf(resolve(folder, name))] as const));
      return Object.fromEntries(hashes.flatMap(([name, hash]) => (hash === undefined ? [] : [[name, hash]])));
    },
  };
}

/** Every text in a configuration that could name a file: modules, programs, their arguments. */
export function possibleFiles(configText: string): readonly string[] {
  const words = new Set<string>();
  const collect = (value: unknown): void => {
    if (typeof value === "string" && value !== "" && value.length < maxPathLength) words.add(value);
    else if (typeof value === "object" && value !== null) Object.values(value).forEach(collect);
  };
  collect(parse(configText));
  return [...words];
}

async function hashFile(path: string): Promise<string | undefined> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isFile() !== true) return undefined;
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  return hash.digest("hex");
}
