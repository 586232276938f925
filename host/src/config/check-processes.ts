import { isAbsolute } from "node:path";
import type { ProcessSpec } from "../plugins/types.ts";
import { checkAccess, checkSha256 } from "./check-access.ts";
import { type FaultPath, quote } from "./faults.ts";
import { isMap, nameOf } from "./plain.ts";
import type { Reporter } from "./reporter.ts";
import { salvage } from "./salvage.ts";
import { type ProcessEntry, processEntry } from "./schema.ts";

/** A name under `processes:`; without a specification where its entry is faulty. */
export interface DeclaredProcess {
  readonly index: number;
  readonly spec: ProcessSpec | undefined;
}

/** Environment that the host itself gives its children. */
const hostVariables: ReadonlySet<string> = new Set(["OUTRIDER_PLUGIN_SOCKET", "OUTRIDER_PLUGIN_TOKEN", "PORT"]);
const schemes: ReadonlySet<string> = new Set(["http:", "https:", "h2c:", "unix:"]);
/** Longest path of a unix socket, in bytes: `sun_path` less its final NUL. */
const longestSocketPath = 107;

/**
 * Checks what goes beyond the shape of each entry.
 * @param written the entries, shape checked and reported. @param folder where commands run.
 */
export async function checkProcesses(
  written: readonly unknown[],
  folder: string,
  report: Reporter,
): Promise<ReadonlyMap<string, DeclaredProcess>> {
  const declared = new Map<string, DeclaredProcess>();
  for (const [index, item] of written.entries()) {
    const path = ["processes", index] as const;
    const name = nameOf(item);
    const entry = salvage(processEntry, item);
    const whole = entry !== undefined && isMap(item) && Object.keys(item).every((field) => field in entry);
    const spec = whole ? await toSpec(entry, path, folder, report) : undefined;
    if (name === undefined) continue;
    const first = declared.get(name);
    if (first === undefined) declared.set(name, { index, spec });
    else report.fault([...path, "name"], `${quote(name)} is the name of another process`, otherPlace(first, report));
  }
  return declared;
}

function otherPlace({ index }: DeclaredProcess, report: Reporter): string {
  return `the other one is on line ${report.lineOf(["processes", index])}`;
}

async function toSpec(
  entry: ProcessEntry,
  path: FaultPath,
  folder: string,
  report: Reporter,
): Promise<ProcessSpec | undefined> {
  const { name, command, url, env } = entry;
  if (command !== undefined && url !== undefined) {
    report.fault([...path, "url"], "stands beside command", "keep one: a command that the host starts, or an address");
    return undefined;
  }
  if (command !== undefined) {
    checkCommand(command, [...path, "command"], report);
    checkEnv(env, [...path, "env"], report);
    reportMisplaced(entry, ["tokenFile", "tls"], "a command", path, report);
    return { name, kind: "command", command, cwd: folder, env, sha256: checkSha256(entry.sha256, path, report) };
  }
  if (url === undefined) {
    report.fault(path, "has neither command nor url", "write command: [python3, scorer.py] or url: http://host:port");
    return undefined;
  }
  if (Object.keys(env).length > 0) report.fault([...path, "env"], "means nothing for a url", "remove it", "key");
  reportMisplaced(entry, ["sha256"], "a url", path, report);
  checkUrl(url, [...path, "url"], report);
  return { name, kind: "url", url, env: {}, ...(await checkAccess(entry, path, folder, report)) };
}

function reportMisplaced(
  entry: ProcessEntry,
  fields: readonly (keyof ProcessEntry)[],
  kind: string,
  path: FaultPath,
  report: Reporter,
): void {
  for (const field of fields) {
    if (entry[field] !== undefined) report.fault([...path, field], `means nothing for ${kind}`, "remove it", "key");
  }
}

function checkCommand(command: readonly string[], path: FaultPath, report: Reporter): void {
  if (command[0] === "") report.fault([...path, 0], "names no program");
  for (const [i, word] of command.entries()) {
    if (word.includes("\0")) report.fault([...path, i], "holds a NUL character", "remove it");
  }
}

function checkEnv(env: Readonly<Record<string, string>>, path: FaultPath, report: Reporter): void {
  for (const [name, value] of Object.entries(env)) {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
      report.fault([...path, name], "is no name of an environment variable", "letters, digits and _ only", "key");
    }
    if (hostVariables.has(name)) report.fault([...path, name], "is set by the host", "remove it", "key");
    if (value.includes("\0")) report.fault([...path, name], "holds a NUL character", "remove it");
  }
}

function checkUrl(text: string, path: FaultPath, report: Reporter): void {
  const example = "write http://host:port, https://host:port, h2c://host:port or unix:/path/of.sock";
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined) {
    report.fault(path, `must be a URL, is ${quote(text)}`, example);
  } else if (!schemes.has(url.protocol)) {
    report.fault(path, `cannot be reached over ${quote(url.protocol)}`, example);
  } else if (url.username !== "" || url.password !== "") {
    report.fault(path, "holds a user name or password", "remove them: they would show in logs");
  } else if (url.protocol === "unix:") {
    checkSocketPath(url.pathname, path, report);
  } else if (url.hostname === "" || url.search !== "" || url.hash !== "") {
    report.fault(path, `must be a host, and a path at most, is ${quote(text)}`, example);
  }
}

function checkSocketPath(socket: string, path: FaultPath, report: Reporter): void {
  if (!isAbsolute(socket)) report.fault(path, "names no absolute path", "write unix:/path/of.sock");
  else if (Buffer.byteLength(socket) > longestSocketPath) {
    report.fault(path, `has a path of more than ${longestSocketPath} bytes`, "use a shorter folder");
  }
}
