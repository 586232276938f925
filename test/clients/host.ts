import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const main = fileURLToPath(new URL("../../host/outrider/src/main.ts", import.meta.url));
const memoryFlags = ["--initial-old-space-size=512", "--min-semi-space-size=4", "--max-semi-space-size=4"];

/** How to start a host. */
export interface HostOptions {
  /** Text of its configuration; default none, so the built-in one. */
  readonly config?: string;
  /** Where `command:` of the configuration is looked up; default a fresh folder. */
  readonly configFolder?: string;
  /** Model servers, `ip:port` each. */
  readonly endpoints: readonly string[];
  /** Further flags of `outrider serve`. */
  readonly args?: readonly string[];
  /** Further flags of Node. */
  readonly nodeArgs?: readonly string[];
}

/** A running host, a process of its own. */
export interface Host {
  readonly pid: number;
  /** `ip:port` of each of its servers. */
  readonly addresses: {
    readonly extProc: string;
    readonly health: string;
    readonly metrics: string;
    readonly admin: string;
    readonly gateway?: string;
    readonly pick?: string;
  };
  /** Its log so far, a JSON object a line. */
  log(): string;
  /** Its metrics page. */
  metrics(): Promise<string>;
  /** Value of one series, by its full text with labels; 0 where it is not there. */
  metric(series: string): Promise<number>;
  /** Resolves with its exit code, or the signal that ended it. */
  readonly exited: Promise<number | string>;
  kill(signal: NodeJS.Signals): void;
  /** SIGTERM, and after 10 s SIGKILL. */
  stop(): Promise<number | string>;
}

/**
 * Starts `outrider serve` on free ports, ext_proc in plaintext, and waits until it reports ready.
 * @throws {Error} when it ends before, or takes longer than 30 s, with its log.
 */
export async function startHost({
  config,
  configFolder,
  endpoints,
  args = [],
  nodeArgs = [],
}: HostOptions): Promise<Host> {
  const folder = mkdtempSync(join(configFolder ?? tmpdir(), ".outrider-host-"));
  const configFile = join(configFolder ?? folder, `${folder.split("/").at(-1)}.yaml`);
  if (config !== undefined) writeFileSync(configFile, config);
  const flags = [
    ...["--grpc-port=0", "--grpc-health-port=0", "--metrics-port=0", "--admin-address=127.0.0.1:0"],
    ...["--secure-serving=false", `--endpoints=${endpoints.join(",")}`],
    ...(config === undefined ? [] : [`--config-file=${configFile}`]),
    ...args,
  ];
  const child = spawn(process.execPath, [...memoryFlags, ...nodeArgs, main, "serve", ...flags], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  const lines: string[] = [];
  const exited = new Promise<number | string>((resolve) =>
    child.once("exit", (code, signal) => {
      rmSync(folder, { recursive: true, force: true });
      rmSync(configFile, { force: true });
      resolve(code ?? signal ?? "");
    }),
  );
  const ready = new Promise<Host["addresses"]>((resolve, reject) => {
    const fail = (why: string) => reject(new Error(`the host ${why}; its log:\n${lines.join("\n")}`));
    const timer = setTimeout(() => fail("was not ready within 30 s"), 30_000);
    void exited.then((code) => fail(`ended with ${code}`)).finally(() => clearTimeout(timer));
    createInterface(child.stderr).on("line", (line) => {
      lines.push(line);
      if (!line.includes("outrider is ready")) return;
      clearTimeout(timer);
      resolve((JSON.parse(line) as { addresses: Host["addresses"] }).addresses);
    });
  });
  const kill = (signal: NodeJS.Signals) => void child.kill(signal);
  const addresses = await ready.catch((error: unknown) => {
    kill("SIGKILL");
    throw error;
  });
  const metrics = async () => (await fetch(`http://${addresses.metrics}/metrics`)).text();
  return {
    pid: child.pid ?? 0,
    addresses,
    log: () => lines.join("\n"),
    metrics,
    metric: async (series) =>
      Number(
        (await metrics())
          .split("\n")
          .find((line) => line.startsWith(`${series} `))
          ?.split(" ")
          .at(-1) ?? 0,
      ),
    exited,
    kill,
    async stop() {
      kill("SIGTERM");
      const timer = setTimeout(() => kill("SIGKILL"), 10_000);
      return exited.finally(() => clearTimeout(timer));
    },
  };
}
