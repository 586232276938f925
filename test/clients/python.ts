import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The Python SDK's folder. */
export const pythonSdk = fileURLToPath(new URL("../../plugin-sdk/python", import.meta.url));

const cache = fileURLToPath(new URL("../../.cache/python", import.meta.url));

/** A Python with packages of its own. */
export interface PythonEnvironment {
  /** Its interpreter. */
  readonly python: string;
  /** Runs it to its end. @throws {Error} when it fails, with everything it printed. */
  run(args: readonly string[], cwd: string): string;
}

/**
 * Makes an environment, or takes the one that is there, and installs the SDK into it as it is now.
 * @param extras of the SDK, such as `numpy`; empty = none.
 * @param tools further packages from the index.
 * @throws {Error} where there is no `python3` with `venv`, or an installation fails, with what it printed.
 */
export function installPythonSdk(name: string, extras: readonly string[], tools: readonly string[]): PythonEnvironment {
  const folder = join(cache, name);
  const python = join(folder, "bin", "python");
  const recipe = createHash("sha256")
    .update(readFileSync(join(pythonSdk, "pyproject.toml")))
    .update(JSON.stringify([extras, tools]))
    .digest("hex");
  const marker = join(folder, "recipe");
  const run = (args: readonly string[], cwd: string) => runToEnd(python, args, cwd);
  const pip = (...args: readonly string[]) => run(["-m", "pip", "install", "--quiet", ...args], folder);
  const target = extras.length === 0 ? pythonSdk : `${pythonSdk}[${extras.join(",")}]`;
  if (!existsSync(marker) || readFileSync(marker, "utf8") !== recipe) {
    mkdirSync(cache, { recursive: true });
    runToEnd("python3", ["-m", "venv", "--clear", folder], cache);
    pip(target, ...tools);
    writeFileSync(marker, recipe);
  } else {
    pip("--force-reinstall", "--no-deps", pythonSdk);
  }
  return { python, run };
}

function runToEnd(program: string, args: readonly string[], cwd: string): string {
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    cwd,
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
    // What its user has set for other programs has no say here.
    env: { PATH: process.env.PATH, HOME: process.env.HOME, PIP_DISABLE_PIP_VERSION_CHECK: "1", ...pipSettings() },
  });
  if (status === 0) return stdout;
  const said = `${stdout}${stderr}${error?.message ?? ""}`;
  throw new Error(`${program} ${args.join(" ")} ended with ${status}; it said:\n${said}`);
}

/** Where packages come from. */
function pipSettings(): Readonly<Record<string, string | undefined>> {
  const wanted = /^(pip_|ssl_cert|requests_ca|https?_proxy|no_proxy|all_proxy)/i;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => wanted.test(name)));
}
