import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { OutriderError } from "@outrider/core/contract";
import { createUnaryClient, type GuardedProcess, openSession, spawnGuarded } from "@outrider/transport";
import { type PluginOpener, toOpener } from "./open-plugin.ts";
import { openOverSession, testSession } from "./over-session.ts";

/** Longest wait for a process to listen, in ms. */
const startMs = 10_000;

/**
 * In a process of its own, started as a host would.
 * @param main file that serves the definition, for Node to run.
 */
export function childProcess(main: URL): PluginOpener {
  const file = fileURLToPath(main);
  return toOpener(async (definition, parameters) => {
    const folder = mkdtempSync(join(tmpdir(), "outrider-"));
    const path = join(folder, "plugin.sock");
    const token = randomUUID();
    const child = spawnGuarded({
      command: process.execPath,
      args: [file],
      cwd: dirname(file),
      env: { PATH: process.env.PATH ?? "", OUTRIDER_PLUGIN_SOCKET: path, OUTRIDER_PLUGIN_TOKEN: token },
    });
    const output = collect(child);
    const release = async () => {
      await child.terminate(2_000);
      rmSync(folder, { recursive: true, force: true });
    };
    const broken: OutriderError[] = [];
    try {
      await untilListening(path, child, output);
      const session = openSession({ kind: "socket", path }, testSession(token, broken));
      return await openOverSession(session, definition, parameters, broken, release);
    } catch (error) {
      await release();
      throw error;
    }
  });
}

function collect({ stdout, stderr }: GuardedProcess): string[] {
  const output: string[] = [];
  for (const stream of [stdout, stderr]) stream.on("data", (chunk: Buffer) => output.push(chunk.toString()));
  return output;
}

async function untilListening(path: string, child: GuardedProcess, output: readonly string[]): Promise<void> {
  const knocker = createUnaryClient({ kind: "socket", path }, { token: "", violation: () => {}, answered: () => {} });
  const ended = child.exited.then(({ code, signal }) => {
    const said = output.join("") || "nothing";
    throw new OutriderError("SCORER_UNAVAILABLE", `the process ended (${signal ?? code}); it said: ${said}`);
  });
  // It is waited for only as long as nobody listens.
  ended.catch(() => {});
  try {
    await Promise.race([knocker.connect(startMs), ended]);
  } finally {
    await knocker.close();
  }
}
