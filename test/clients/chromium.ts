import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";

/** Names that Chromium has on the path, the smallest first. */
const names = ["chromium-headless-shell", "chromium", "chromium-browser", "google-chrome"];
/** Debian's package: Chromium without windows. */
const aptPackage = "chromium-headless-shell";

/** Why suites with a real browser cannot run here, with the remedy; `undefined` where they can. Under CI they always run. */
export const chromiumMissing: string | undefined =
  process.env.CI !== undefined || findChromium() !== undefined
    ? undefined
    : `needs Chromium on the path: apt-get install ${aptPackage}`;

/** How Chromium is started to stay by itself; as root it has no sandbox. */
export const chromiumFlags: readonly string[] = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/**
 * Path of Chromium, installed where it is missing.
 * @throws {Error} when it cannot be installed, with what apt-get printed.
 */
export function installChromium(): string {
  return findChromium() ?? installPackage();
}

function findChromium(): string | undefined {
  const folders = (process.env.PATH ?? "").split(":").filter((folder) => folder !== "");
  return names.flatMap((name) => folders.map((folder) => join(folder, name))).find((path) => existsSync(path));
}

function installPackage(): string {
  run("apt-get", "update");
  const { stdout, stderr, error } = run("apt-get", "install", "--yes", "--no-install-recommends", aptPackage);
  const program = findChromium();
  if (program !== undefined) return program;
  throw new Error(
    `Chromium is missing, and apt-get could not install ${aptPackage}:\n${stdout}${stderr}${error?.message ?? ""}`,
  );
}

function run(program: string, ...args: readonly string[]) {
  return spawnSync(program, args, { encoding: "utf8", env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" } });
}
