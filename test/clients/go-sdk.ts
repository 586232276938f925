import { execFile } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { installGo } from "./go.ts";

/** The Go SDK's folder. */
export const goSdk = fileURLToPath(new URL("../../plugin-sdk/go", import.meta.url));

const cache = fileURLToPath(new URL("../../.cache/go", import.meta.url));

/** Go that is recent enough for the SDK, or fetches one that is. */
export interface GoToolchain {
  /** Runs a command to its end. @returns what it printed. @throws {Error} when it fails, with everything it printed. */
  run(args: readonly string[], cwd: string): Promise<string>;
  /** Builds a package of the SDK; @returns the program. */
  build(name: string): Promise<string>;
}

/**
 * @throws {Error} where Go is older than 1.21, which cannot fetch a newer one by itself.
 */
export async function installGoForSdk(): Promise<GoToolchain> {
  const env = { ...installGo(), GOTOOLCHAIN: "auto" };
  const run = (args: readonly string[], cwd: string) => runToEnd(args, cwd, env);
  const [, minor = "0"] = /go1\.(\d+)/.exec(await run(["go", "version"], "/")) ?? [];
  if (Number(minor) < 21) throw new Error(`Go 1.${minor} is too old: install 1.24 or later, from go.dev/dl`);
  return {
    run,
    async build(name) {
      mkdirSync(cache, { recursive: true });
      const program = join(cache, name);
      await run(["go", "build", "-o", program, `./internal/${name}`], goSdk);
      return program;
    },
  };
}

async function runToEnd([program = "", ...args]: readonly string[], cwd: string, env: NodeJS.ProcessEnv) {
  try {
    return (await promisify(execFile)(program, args, { cwd, env })).stdout;
  } catch (cause) {
    const { stdout = "", stderr = "" } = cause as { readonly stdout?: string; readonly stderr?: string };
    throw new Error(`${program} ${args.join(" ")} failed; it said:\n${stdout}${stderr}`, { cause });
  }
}
