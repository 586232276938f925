import { execFileSync } from "node:child_process";
import { cpSync, existsSync, globSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/**
 * Compiles what is published: Node strips no types under `node_modules`. Each public package gets a `dist` that has the
 * layout of its sources, which is what its `publishConfig` points to.
 */
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const built = join(root, ".cache", "build");

rmSync(built, { recursive: true, force: true });
execFileSync("tsc", ["-p", "tsconfig.build.json"], { cwd: root, stdio: "inherit" });
for (const manifest of globSync("{protos,core,host,host/outrider,lab,plugin-sdk/*,plugins/*}/package.json", {
  cwd: root,
})) {
  const folder = dirname(manifest);
  const { publishConfig } = JSON.parse(readFileSync(join(root, manifest), "utf8")) as { publishConfig?: unknown };
  if (publishConfig === undefined) throw new Error(`${manifest} has no publishConfig`);
  const source = ["src", "gen"].find((name) => existsSync(join(built, folder, name))) ?? "src";
  rmSync(join(root, folder, "dist"), { recursive: true, force: true });
  cpSync(join(built, folder, source), join(root, folder, "dist"), { recursive: true });
}
