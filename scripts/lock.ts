import { globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";

/**
 * Fails when the lock lacks a package that an installed one names as optional: a registry without some platform's
 * binaries leaves a lock that installs nothing on that platform. What is installed is read, not what the lock says of
 * it, since pnpm leaves such names out. Also fails on registry addresses in the lock.
 */
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const text = readFileSync(join(root, "pnpm-lock.yaml"), "utf8");
const lock = parse(text) as { readonly packages: Readonly<Record<string, unknown>> };
const locked = new Set(Object.keys(lock.packages).map((key) => key.slice(0, key.lastIndexOf("@"))));

interface Manifest {
  readonly name?: string;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const manifests = globSync("node_modules/.pnpm/*/node_modules/{*,@*/*}/package.json", { cwd: root });
const missing = manifests.flatMap((path) => {
  const { name, optionalDependencies = {} } = JSON.parse(readFileSync(join(root, path), "utf8")) as Manifest;
  const gone = Object.keys(optionalDependencies).filter((optional) => !locked.has(optional));
  return gone.map(
    (optional) => `${name} names ${optional}, which has no entry: pin a version whose platforms are all there`,
  );
});
const addresses = text
  .split("\n")
  .flatMap((line, i) => (/https?:\/\//.test(line) ? [`line ${i + 1}: ${line.trim()}`] : []));

if (manifests.length === 0) missing.push("node_modules is empty: install first");
for (const fault of new Set([...missing, ...addresses])) console.error(`pnpm-lock.yaml: ${fault}`);
process.exitCode = missing.length + addresses.length === 0 ? 0 : 1;
