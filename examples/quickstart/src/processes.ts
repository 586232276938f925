import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { isMap, parseDocument, type YAMLSeq } from "yaml";

const configFile = fileURLToPath(new URL("../demo.yaml", import.meta.url));

/** Whether Python 3 is there, for the scorer written in it. */
export function hasPython(): boolean {
  return spawnSync("python3", ["-c", "import http.server"], { stdio: "ignore" }).status === 0;
}

/** A running `outrider serve`. */
export interface HostProcess {
  readonly addresses: { readonly extProc: string; readonly admin: string; readonly gateway: string };
  /** What it logged as warning or worse. */
  warnings(): readonly string[];
  stop(): Promise<void>;
}

/**
 * Starts this program again as a host, on free ports with `demo.yaml`, less the Python scorer where there is no Python.
 * @throws {Error} when it does not become ready, with its log.
 */
export async function startHost(endpoints: readonly string[], withPython: boolean): Promise<HostProcess> {
  const config = withPython ? configFile : writeWithoutPython();
  const args = [
    ...["serve", `--config-file=${config}`, `--endpoints=${endpoints.join(",")}`, "--secure-serving=false"],
    ...["--grpc-port=0", "--grpc-health-port=0", "--metrics-port=0", "--gateway-port=0", "--admin-address=127.0.0.1:0"],
  ];
  const child = spawn(process.execPath, [...process.execArgv, process.argv[1] ?? "", ...args], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  const lines: LogLine[] = [];
  const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const addresses = await new Promise<HostProcess["addresses"]>((resolve, reject) => {
    child.once("exit", (code) =>
      reject(new Error(`the host ended with ${code}:\n${lines.map(({ raw }) => raw).join("\n")}`)),
    );
    createInterface(child.stderr).on("line", (raw) => {
      const line = parseLogLine(raw);
      lines.push(line);
      if (line.addresses !== undefined) resolve(line.addresses);
    });
  }).finally(() => {
    if (config !== configFile) rmSync(config);
  });
  return {
    addresses,
    warnings: () => lines.filter(({ level }) => level >= 40).map(({ raw }) => raw),
    async stop() {
      await endChild(child, gone);
    },
  };
}

interface LogLine {
  readonly raw: string;
  readonly level: number;
  readonly addresses: HostProcess["addresses"] | undefined;
}

function parseLogLine(raw: string): LogLine {
  try {
    const { level = 30, addresses } = JSON.parse(raw) as { level?: number; addresses?: HostProcess["addresses"] };
    return { raw, level, addresses };
  } catch {
    return { raw, level: 40, addresses: undefined };
  }
}

/** A copy beside `demo.yaml`, so that paths in it keep their meaning. */
function writeWithoutPython(): string {
  const document = parseDocument(readFileSync(configFile, "utf8"));
  document.delete("processes");
  const drop = (path: readonly unknown[], key: string) => {
    const list = document.getIn(path) as YAMLSeq;
    list.items = list.items.filter((item) => !(isMap(item) && item.get(key) === "python"));
  };
  drop(["plugins"], "name");
  drop(["schedulingProfiles", 0, "plugins"], "pluginRef");
  const copy = configFile.replace(/\.yaml$/, `.${process.pid}.yaml`);
  writeFileSync(copy, document.toString());
  return copy;
}

async function endChild(child: ChildProcess, gone: Promise<void>): Promise<void> {
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), 10_000);
  await gone;
  clearTimeout(timer);
}
