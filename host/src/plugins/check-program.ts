import { createHash } from "node:crypto";
import { constants, createReadStream } from "node:fs";
import { access, stat } from "node:fs/promises";
import { delimiter, resolve } from "node:path";
import { pipeline } from "node:stream/promises";
import { OutriderError } from "@outrider/core/contract";
import type { StartedProcess } from "./child-command.ts";

/**
 * Checks that the program of a command is the one that its operator knows, by the `sha256` in the configuration, and
 * returns the command by the path that was checked. Only the first word counts: behind an interpreter such as `python3`
 * that is the interpreter, and says nothing of the script.
 * @throws {OutriderError} `PLUGIN_REJECTED`.
 */
export async function checkProgram(spec: StartedProcess): Promise<StartedProcess> {
  const { name, sha256, command } = spec;
  if (sha256 === undefined) return spec;
  const path = await findProgram(spec);
  if (path === undefined) {
    throw new OutriderError("PLUGIN_REJECTED", `${name}: ${command[0]} cannot be checked: there is no such program`);
  }
  const found = await digestOf(path);
  if (found !== sha256.toLowerCase()) {
    const message = `${name}: the SHA-256 of ${path} is ${found}, not ${sha256} as configured; it is not started`;
    throw new OutriderError("PLUGIN_REJECTED", message);
  }
  return { ...spec, command: [path, ...command.slice(1)] };
}

/** Where a shell would find it in the child's environment. */
async function findProgram({ command, cwd, env }: StartedProcess): Promise<string | undefined> {
  const program = command[0]!;
  if (program.includes("/")) return resolve(cwd, program);
  const folders = (env.PATH ?? process.env.PATH ?? "").split(delimiter);
  for (const folder of folders) {
    const path = resolve(cwd, folder, program);
    if (await isProgram(path)) return path;
  }
  return undefined;
}

async function isProgram(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}

async function digestOf(path: string): Promise<string> {
  const hash = createHash("sha256");
  try {
    await pipeline(createReadStream(path), hash);
  } catch (cause) {
    const message = `${path} cannot be checked: ${cause instanceof Error ? cause.message : cause}`;
    throw new OutriderError("PLUGIN_REJECTED", message, { cause });
  }
  return hash.digest("hex");
}
