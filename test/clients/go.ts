import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";

/** Where Go is when it is not on the path. */
const usualFolders = ["/usr/local/go/bin", "/usr/lib/go/bin"];
/** Debian's package; any Go from 1.19 on will do. */
const aptPackage = "golang-go";

/** Why suites with a Go client cannot run here, with the remedy; `undefined` where they can. Under CI they always run. */
export const goMissing: string | undefined =
  process.env.CI !== undefined || findGo() !== undefined ? undefined : "needs Go 1.19 or later on the path: go.dev/dl";

/**
 * Environment in which `go` is found, installed where it is missing, and fetches nothing by itself.
 * @throws {Error} when it cannot be installed, with what apt-get printed.
 */
export function installGo(): NodeJS.ProcessEnv {
  const program = findGo() ?? installPackage();
  return { ...process.env, PATH: `${dirname(program)}:${process.env.PATH}`, GOTOOLCHAIN: "local", GOFLAGS: "" };
}

function findGo(): string | undefined {
  const folders = [...(process.env.PATH ?? "").split(":"), ...usualFolders];
  return folders.map((folder) => join(folder, "go")).find((program) => run(program, "version").status === 0);
}

function installPackage(): string {
  run("apt-get", "update");
  const { stdout, stderr, error } = run("apt-get", "install", "--yes", "--no-install-recommends", aptPackage);
  const program = findGo();
  if (program !== undefined) return program;
  throw new Error(
    `Go is missing, and apt-get could not install ${aptPackage}:\n${stdout}${stderr}${error?.message ?? ""}`,
  );
}

function run(program: string, ...args: readonly string[]) {
  return spawnSync(program, args, { encoding: "utf8", env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" } });
}
