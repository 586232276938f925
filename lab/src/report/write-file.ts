import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

/** A file of results could not be written; the message names it and says why. */
export class WriteError extends Error {
  /** @param path the file. @param cause the file system's error. */
  constructor(path: string, cause: unknown) {
    super(`${path} cannot be written: ${reasonOf(cause)}`, { cause });
    this.name = "WriteError";
  }
}

/**
 * Writes a file whole or not at all: under another name first, then renamed. Makes its folder where there is none.
 * @throws {WriteError} for a full disk, a folder that cannot be written to, and the like.
 */
export async function writeWhole(path: string, content: string): Promise<void> {
  const fresh = `${path}.${process.pid}.part`;
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(fresh, content, { flush: true });
    await rename(fresh, path);
  } catch (cause) {
    await rm(fresh, { force: true }).catch(() => undefined); // the first error is the one to tell
    throw new WriteError(path, cause);
  }
}

/** Writes files into a folder, one after another. @returns their names. */
export async function writeAll(folder: string, files: Readonly<Record<string, string>>): Promise<readonly string[]> {
  const names = Object.keys(files);
  for (const name of names) await writeWhole(join(folder, name), files[name] ?? "");
  return names;
}

const reasons: Readonly<Record<string, string>> = {
  ENOSPC: "the disk is full",
  EDQUOT: "the disk quota is used up",
  EFBIG: "it would be larger than files may be here",
  EACCES: "access is denied",
  EPERM: "it is not permitted",
  EROFS: "the file system is read-only",
  ENOTDIR: "a part of its path is no folder",
  EEXIST: "a part of its path is no folder",
  EISDIR: "there is a folder of that name",
};

function reasonOf(cause: unknown): string {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
  const known = reasons[code];
  return known === undefined ? String(cause) : `${known} (${code})`;
}
