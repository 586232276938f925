import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Envoy } from "@outrider/example-envoy";
import { type Fleet, spawnFleet } from "@outrider/fleet";
import { envoyMissing, startEnvoyFor } from "../clients/envoy.ts";
import { type Host, startHost } from "../clients/host.ts";
import { writeEndpoints } from "./endpoints-file.ts";
import { configureHost } from "./host-config.ts";

const python = fileURLToPath(new URL("../../examples/scorer-python-stdlib/scorer.py", import.meta.url));
const servers = 6;
/** Small, so that bodies above it are cheap to send. */
const maxBody = "1Mi";
/** Short, so that picks which are never completed are over soon behind the last request. */
const pickTimeout = "10s";

/** Everything that runs. */
export interface SoakSystem {
  readonly fleet: Fleet;
  readonly host: Host;
  /** `undefined` where it cannot be installed. */
  readonly envoy: Envoy | undefined;
  /** File of endpoints that the host watches. */
  readonly endpointsFile: string;
  /** Ends all; resolves with how the host ended. */
  stop(): Promise<number | string>;
}

/** Starts model servers, a host with all its doors, and an Envoy. */
export async function startSoakSystem(): Promise<SoakSystem> {
  const folder = mkdtempSync(join(tmpdir(), "outrider-soak-"));
  const endpointsFile = join(folder, "endpoints.yaml");
  const hasPython = spawnSync("python3", ["--version"], { stdio: "ignore" }).status === 0;
  const fleet = await spawnFleet({ servers, timeScale: 0.1, models: ["*"] });
  writeEndpoints(endpointsFile, fleet.endpoints);
  const host = await startHost({
    config: configureHost(hasPython ? python : undefined),
    endpoints: [],
    args: [
      ...[`--endpoints-file=${endpointsFile}`, `--max-body-bytes=${maxBody}`],
      ...["--gateway-port=0", "--pick-port=0", `--pick-timeout=${pickTimeout}`],
    ],
  }).catch(async (error: unknown) => {
    await fleet.stop();
    throw error;
  });
  const envoy = await startEnvoyIfThere(host, fleet).catch(async (error: unknown) => {
    await host.stop();
    await fleet.stop();
    throw error;
  });
  return {
    fleet,
    host,
    envoy,
    endpointsFile,
    async stop() {
      await envoy?.stop();
      const ended = await host.stop();
      await fleet.stop();
      rmSync(folder, { recursive: true, force: true });
      return ended;
    },
  };
}

async function startEnvoyIfThere(host: Host, fleet: Fleet): Promise<Envoy | undefined> {
  if (envoyMissing === undefined) return startEnvoyFor(host, fleet.endpoints);
  console.error(`without Envoy: ${envoyMissing}`);
  return undefined;
}
