import { existsSync, readFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { dirname, join, relative } from "node:path";

/** What is to be bundled. */
export interface BundleOptions {
  /** Folder of the compiled modules, each with its declarations beside it. */
  readonly folder: string;
  /** Modules that users import, relative to `folder`. */
  readonly entries: readonly string[];
  /** Module, relative to `folder`, that stands for a specifier of the workspace. */
  readonly modules: ReadonlyMap<string, string>;
}

/** Modules that need nothing but each other and public packages. */
export interface Bundle {
  /** Text by path, below `dist/`. */
  readonly files: ReadonlyMap<string, string>;
  /** Public packages that they import, ascending. */
  readonly packages: readonly string[];
}

/** Specifiers of imports and exports, as the compiler writes them. */
const specifiers = /(\b(?:from|import)\s*\(?\s*)"([^"]+)"/g;

/**
 * Takes what the entries reach and points each import of the workspace at its file, by a relative path: no resolver
 * then needs to know how packages were bundled.
 * @throws {Error} for a specifier of the workspace that no package exports.
 */
export function bundleModules({ folder, entries, modules }: BundleOptions): Bundle {
  const files = new Map<string, string>();
  const packages = new Set<string>();
  const queue = [...entries];
  for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
    for (const form of [path, path.replace(/\.js$/, ".d.ts")]) {
      if (files.has(join("dist", form)) || !existsSync(join(folder, form))) continue;
      const text = readFileSync(join(folder, form), "utf8").replace(
        specifiers,
        (_, before: string, specifier: string) => {
          const target = targetOf(specifier, form, modules);
          if (target === undefined) {
            if (!isBuiltin(specifier)) packages.add(packageOf(specifier));
            return `${before}"${specifier}"`;
          }
          queue.push(target);
          return `${before}"${relativePath(form, target)}"`;
        },
      );
      files.set(join("dist", form), text);
    }
  }
  return { files, packages: [...packages].sort() };
}

/** Module behind a specifier; `undefined` for one that is not of the workspace. */
function targetOf(specifier: string, from: string, modules: BundleOptions["modules"]): string | undefined {
  if (specifier.startsWith(".")) return join(dirname(from), specifier).replace(/(?<!\.d)\.ts$/, ".js");
  const found = modules.get(specifier);
  if (found === undefined && specifier.startsWith("@outrider/")) {
    throw new Error(`${from} imports ${specifier}, which no bundled package exports`);
  }
  return found;
}

function relativePath(from: string, to: string): string {
  const path = relative(dirname(from), to);
  return path.startsWith(".") ? path : `./${path}`;
}

function packageOf(specifier: string): string {
  return specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
}
