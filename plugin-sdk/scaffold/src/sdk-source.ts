import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";

/** Version of the SDKs that go with this package. */
const { version } = JSON.parse(readFileSync(join(import.meta.dirname, "..", "package.json"), "utf8")) as {
  readonly version: string;
};

/** Module of the Go SDK. */
const goModule = "outrider.dev/scorer";

/** The checkout that this file is part of, which brings its own SDKs; `undefined` where it was installed as a package. */
function findCheckout(from = import.meta.dirname): string | undefined {
  if (existsSync(join(from, "plugin-sdk", "python", "pyproject.toml"))) return from;
  const parent = dirname(from);
  return parent === from ? undefined : findCheckout(parent);
}

/**
 * What a `package.json` names as its dependency. A checkout is packed into the folder, compiled: Node strips no types
 * below `node_modules`.
 */
export async function typescriptDependency(folder: string): Promise<string> {
  const checkout = findCheckout();
  if (checkout === undefined) return `^${version}`;
  // Not part of the published package, which has no sources to pack.
  const script = pathToFileURL(join(checkout, "plugin-sdk", "typescript", "scripts", "pack-sdk.ts")).href;
  const { packSdk } = (await import(script)) as { readonly packSdk: (folder: string) => Promise<string> };
  const tarball = await packSdk(join(folder, "vendor"));
  return `file:vendor/${tarball.slice(dirname(tarball).length + 1)}`;
}

/** What a `requirements.txt` names. */
export function pythonRequirement(): string {
  const checkout = findCheckout();
  return checkout === undefined ? `outrider-plugin==${version}` : join(checkout, "plugin-sdk", "python");
}

/** What a `go.mod` says of the SDK: its version, and where a checkout has it. */
export function goRequirement(): { readonly version: string; readonly replacement: string } {
  const checkout = findCheckout();
  const replacement = checkout === undefined ? "" : `\nreplace ${goModule} => ${join(checkout, "plugin-sdk", "go")}`;
  return { version, replacement };
}
