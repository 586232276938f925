import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { installGo } from "./go.ts";

/** The Go SDK's folder. */
export const goSdk = fileURLToPath(new URL("../../plugin-sdk/go", import.meta.url));

const cache = fileURLToPath(new URL("../../.cache/go", import.meta.url));

/** Go that is recent enough for the SDK, or fetches one that is. */
export interface GoToolchain {
  /** Runs a command to its end. @returns what it printed. @throws {Error} when it fails, with everything it printed. */
  run(args: readonly string[], cwd: string): string;
  /** Builds a package of the SDK; @returns the program. */
  build(name: string): string;
}

/**
 * @throws {Error} where Go is older than 1.21, which cannot fetch a newer one by itself.
 */
export function installGoForSdk(): GoToolchain {
  const env = { ...installGo(), GOTOOLCHAIN: "auto" };
  const run = (args: readonly string[], cwd: string) => runToEnd(args, cwd, env);
  const [, minor = "0"] = /go1\.(\d+)/.exec(run(["go", "version"], "/")) ?? [];
  if (Number(minor) < 21) throw new Error(`Go 1.${minor} is too old: install 1.24 or later, from go.dev/dl`);
  return {
    run,
    build(name) {
      mkdirSync(cache, { recursive: true });
      const program = join(cache, name);
      run(["go", "build", "-o", program, `./internal/${name}`], goSdk);
      return program;
    },
  };
}

function runToEnd([program = "", ...args]: readonly string[], cwd: string, env: NodeJS.ProcessEnv): string {
  const { status, stdout, stderr, error } = spawnSync(program, args, { cwd, env, encoding: "utf8" });
  if (status === 0) return stdout;
  const said = `${stdout}${stderr}${error?.message ?? ""}`;
  throw new Error(`${program} ${args.join(" ")} ended with ${status}; it said:\n${said}`);
}
