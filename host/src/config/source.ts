import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import type { Fault } from "./faults.ts";

/** Largest configuration that is read: far above what people write, far below what stops a host. */
export const maxConfigBytes = 512 * 1024;

/** Where the configuration comes from. */
export type ConfigOrigin =
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "text"; readonly text: string }
  /** None given: the configuration that the host brings. */
  | { readonly kind: "builtin" };

/** A configuration as it was given, not yet looked at. */
export interface RawConfig {
  /** How messages name it: a path, `--config-text` or `builtin`. */
  readonly name: string;
  readonly bytes: Uint8Array;
  /** Folder in which its processes run. */
  readonly folder: string;
}

/** Text of a configuration, or why it has none. */
export type ConfigText =
  | { readonly kind: "text"; readonly text: string; readonly sha256: string }
  | { readonly kind: "unreadable"; readonly fault: Fault };

/**
 * Reads a file, at most one byte more than a configuration may have; pipes and devices too.
 * @throws the file system's error.
 */
export async function readConfigBytes(path: string): Promise<Uint8Array> {
  const file = await open(path, "r");
  try {
    const buffer = Buffer.allocUnsafe(maxConfigBytes + 1);
    let length = 0;
    while (length < buffer.length) {
      const { bytesRead } = await file.read(buffer, length, buffer.length - length);
      if (bytesRead === 0) break;
      length += bytesRead;
    }
    return buffer.subarray(0, length);
  } finally {
    await file.close();
  }
}

/** Checks size and encoding. */
export function toConfigText({ bytes }: RawConfig): ConfigText {
  if (bytes.length > maxConfigBytes) {
    return unreadable(1, 1, `is larger than ${maxConfigBytes / 1024} KiB`, "a configuration is a few kB of YAML");
  }
  const text = new TextDecoder("utf-8").decode(bytes);
  const bad = firstBadByte(bytes, text);
  if (bad === undefined) return { kind: "text", text, sha256: createHash("sha256").update(bytes).digest("hex") };
  const before = Buffer.from(bytes.subarray(0, bad)).toString("utf8");
  const line = before.split("\n").length;
  const column = before.length - before.lastIndexOf("\n");
  return unreadable(line, column, `is not UTF-8: byte 0x${hex(bytes[bad]!)} at offset ${bad}`, "save it as UTF-8");
}

function unreadable(line: number, column: number, message: string, hint: string): ConfigText {
  return { kind: "unreadable", fault: { line, column, path: "", message, hint } };
}

/** Offset of the first byte that the decoder had to replace. */
function firstBadByte(bytes: Uint8Array, decoded: string): number | undefined {
  if (!decoded.includes("\ufffd")) return undefined;
  const again = Buffer.from(decoded, "utf8");
  const skipped = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
  for (let i = 0; i + skipped < bytes.length; i++) if (again[i] !== bytes[i + skipped]) return i + skipped;
  return undefined;
}

function hex(byte: number): string {
  return byte.toString(16).padStart(2, "0");
}
