import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { ScoreTable } from "@outrider/protos/scorer";
import {
  createChildAddress,
  openSession,
  reachChild,
  type SessionClient,
  spawnGuarded,
  toGuardedCommand,
} from "@outrider/transport";

/** A plugin's process, as a host would start it. */
export interface PythonProcess {
  /** Opens a Session; a plugin that breaks the contract makes `broken` grow. */
  open(epoch: number): SessionClient;
  /** What the plugin did that it may not. */
  readonly broken: readonly Error[];
  /** Tables that it has pushed. */
  readonly tables: readonly ScoreTable[];
  /** What it has printed. */
  readonly output: readonly string[];
  /** Ends it. */
  close(): Promise<void>;
}

/** @throws {Error} when it does not listen within 20 s, with what it printed. */
export async function startPython(python: string, file: string): Promise<PythonProcess> {
  const folder = mkdtempSync(join(tmpdir(), "outrider-"));
  const address = await createChildAddress(folder, "p.sock");
  const child = spawnGuarded(toGuardedCommand({ command: [python, file], cwd: dirname(file), env: {} }, address));
  const output: string[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => output.push(`${chunk}`));
  const where = await reachChild(address, 20_000, { elapsedMs: () => performance.now() }, (ms) => sleep(ms));
  if (where !== "socket") throw new Error(`it listens on ${where ?? "nothing"}; it said:\n${output.join("")}`);
  const broken: Error[] = [];
  const tables: ScoreTable[] = [];
  const ignore = () => {};
  const events = {
    violation: (error: Error) => void broken.push(error),
    answered: ignore,
    lateAnswer: ignore,
    resynced: (error: Error) => void broken.push(error),
    health: ignore,
    table: (table: ScoreTable) => void tables.push(table),
    writable: ignore,
    closed: ignore,
  };
  return {
    open: (epoch) => openSession({ kind: "socket", path: address.socketPath }, { token: address.token, epoch, events }),
    broken,
    tables,
    output,
    async close() {
      await child.terminate(5_000);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
