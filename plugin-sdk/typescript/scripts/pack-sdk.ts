import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, relative, resolve } from "node:path";
import { type Bundle, bundleModules } from "./bundle-modules.ts";

const root = resolve(import.meta.dirname, "../../..");
const sdk = "plugin-sdk/typescript";

/** Packages of the workspace that travel inside the SDK's, so that it needs only public ones. */
const bundled = [sdk, "plugin-sdk/transport", "core", "protos"];

/** What the package manifests say that is of use here. */
interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly description: string;
  readonly license: string;
  readonly engines: object;
  readonly exports: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
}

/**
 * Packs the SDK of this checkout, compiled, for plugins outside of it: Node strips no types under `node_modules`.
 * Needs the checkout's own packages installed, and `tar`; no network.
 * @param folder where the tarball goes; made where it is missing.
 * @returns its path, `outrider-plugin-sdk-<version>.tgz`; `npm install` takes it as it is.
 */
export async function packSdk(folder: string): Promise<string> {
  const cache = join(root, ".cache");
  mkdirSync(cache, { recursive: true });
  const work = mkdtempSync(join(cache, "pack-sdk-"));
  try {
    compile(work);
    const manifests = new Map(bundled.map((name) => [name, readManifest(name)]));
    const own = manifests.get(sdk)!;
    const entries = Object.fromEntries(Object.entries(own.exports).filter(([, file]) => file.startsWith("./src/")));
    const bundle = bundleModules({
      folder: join(work, "out"),
      entries: Object.values(entries).map((file) => toCompiled(sdk, file)),
      modules: new Map([...manifests].flatMap(([name, manifest]) => modulesOf(name, manifest))),
    });
    writePackage(join(work, "package"), bundle, own, entries, [...manifests.values()]);
    mkdirSync(folder, { recursive: true });
    const tarball = resolve(folder, `outrider-plugin-sdk-${own.version}.tgz`);
    execFileSync("tar", ["-czf", tarball, "-C", work, "package"]);
    return tarball;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** Compiles without checking, which is the checkout's own affair, into `out` with the folders as they are. */
function compile(work: string): void {
  const config = {
    extends: join(root, "tsconfig.base.json"),
    compilerOptions: { rootDir: root, outDir: join(work, "out"), declaration: true, noCheck: true },
    include: [...bundled.map((name) => join(root, name, "src")), join(root, "protos/gen")],
    exclude: ["**/node_modules", "**/*.test.ts", "**/fixtures"],
  };
  writeFileSync(join(work, "tsconfig.json"), JSON.stringify(config));
  const typescript = dirname(createRequire(join(root, "package.json")).resolve("typescript/package.json"));
  execFileSync(process.execPath, [join(typescript, "bin/tsc"), "-p", work], { stdio: "inherit" });
}

function readManifest(name: string): Manifest {
  return JSON.parse(readFileSync(join(root, name, "package.json"), "utf8")) as Manifest;
}

/** Module that each import of a package means, by the specifier. */
function modulesOf(folder: string, { name, exports }: Manifest): readonly (readonly [string, string])[] {
  return Object.entries(exports).map(([path, file]) => [name + path.slice(1), toCompiled(folder, file)] as const);
}

function toCompiled(folder: string, file: string): string {
  return join(folder, file).replace(/\.ts$/, ".js");
}

function writePackage(
  folder: string,
  { files, packages }: Bundle,
  own: Manifest,
  entries: Readonly<Record<string, string>>,
  manifests: readonly Manifest[],
): void {
  for (const [path, text] of files) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  // The guard runs this script, which it finds beside its own folder.
  cpSync(join(root, "plugin-sdk/transport/guard.sh"), join(folder, "dist/plugin-sdk/transport/guard.sh"));
  for (const [from, to] of [
    [join(root, sdk, "README.md"), "README.md"],
    [join(root, "LICENSE"), "LICENSE"],
  ] as const) {
    if (existsSync(from)) cpSync(from, join(folder, to));
  }
  const versions = Object.assign({}, ...manifests.map(({ dependencies }) => dependencies)) as Record<string, string>;
  const exports = Object.entries(entries).map(([path, file]) => {
    const compiled = `./${join("dist", toCompiled(sdk, file))}`;
    return [path, { types: compiled.replace(/\.js$/, ".d.ts"), default: compiled }];
  });
  const { name, version, description, license, engines } = own;
  const dependencies = Object.fromEntries(packages.map((dependency) => [dependency, versions[dependency]]));
  const manifest = {
    name,
    version,
    description,
    license,
    type: "module",
    engines,
    exports: Object.fromEntries(exports),
    dependencies,
  };
  writeFileSync(join(folder, "package.json"), `${JSON.stringify(manifest, undefined, 2)}\n`);
}

if (import.meta.main) {
  const [folder = "."] = process.argv.slice(2);
  console.log(relative(process.cwd(), await packSdk(folder)));
}
