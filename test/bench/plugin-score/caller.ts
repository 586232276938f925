import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { createEndpointTable, type EndpointTable } from "@outrider/core";
import {
  createChildAddress,
  type GuardedProcess,
  openSession,
  reachChild,
  type SessionClient,
  spawnGuarded,
  toGuardedCommand,
  type WireInstance,
} from "@outrider/transport";
import { fakeCall } from "@outrider/transport/testing";

/**
 * The host's side of Sessions with plugins that are processes of the TypeScript SDK, and nothing else of the host: it does
 * what its parent asks for and answers how often.
 */

/** What the parent asks for. */
export type CallerTask = { readonly plugins: number; readonly seconds: number } & (
  | { readonly kind: "score"; readonly endpoints: number; readonly inFlight: number }
  | { readonly kind: "sync"; readonly endpoints: number; readonly columns: number; readonly rate: number }
);

/** What it is told. */
export interface CallerResult {
  /** Decisions, or snapshots. */
  readonly count: number;
  readonly failed: number;
  /** Bytes of a frame with one call of all endpoints but one; 0 = not measured. */
  readonly callBytes: number;
}

interface Plugin {
  readonly session: SessionClient;
  readonly child: GuardedProcess;
}

const instance: WireInstance = {
  id: 1,
  name: "bench",
  granted: [{ key: "waiting_requests" }],
  data: [],
  produces: [],
};
const extraColumns = (count: number) => Array.from({ length: count - 1 }, (_, i) => `metric.m${i}`);
const folder = mkdtempSync(join(tmpdir(), "outrider-bench-"));
const plugins: Plugin[] = [];
let frameBytes = 0;
let table: EndpointTable | undefined;

process.on("message", (task: CallerTask) => {
  run(task).then(
    (result) => process.send?.(result),
    (error) => {
      console.error(error);
      process.exit(1);
    },
  );
});
process.on("disconnect", () => void end());

async function run(task: CallerTask): Promise<CallerResult> {
  table ??= fill(task.endpoints);
  const columns = ["waiting_requests", ...(task.kind === "sync" ? extraColumns(task.columns) : [])];
  while (plugins.length < task.plugins) plugins.push(await start(columns));
  const sessions = plugins.slice(0, task.plugins).map(({ session }) => session);
  return task.kind === "score" ? score(sessions, table, task) : sync(sessions, table, columns, task);
}

/** Decisions that ask all plugins at once, so many of them in flight. */
async function score(
  sessions: readonly SessionClient[],
  { current }: EndpointTable,
  { inFlight, seconds }: Extract<CallerTask, { kind: "score" }>,
): Promise<CallerResult> {
  const endMs = performance.now() + seconds * 1000;
  const made = fakeCall({ pool: current, candidates: [...current.live].slice(1) });
  // The host makes it once a decision too.
  const bitmap = made.candidateBitmap();
  const call = { ...made, candidateBitmap: () => bitmap };
  let count = 0;
  let failed = 0;
  const client = async (first: number) => {
    const targets = sessions.map(() => new Float32Array(call.candidates.length));
    for (let callId = first; performance.now() < endMs; callId += inFlight) {
      const own = { ...call, callId };
      const asked = sessions.map((session, i) => session.score(instance, own, targets[i]!));
      await Promise.all(asked).catch(() => {
        failed += 1;
      });
      count += 1;
      // A client without plugins leaves the turn too, so that what is subtracted is the same loop.
      if (asked.length === 0) await new Promise((resolve) => setImmediate(resolve));
    }
  };
  await Promise.all(Array.from({ length: inFlight }, (_, i) => client(lastCallId + i + 1)));
  lastCallId += inFlight * (count + inFlight);
  return { count, failed, callBytes: sessions.length === 0 ? 0 : await measureCall(sessions[0]!, call) };
}

let lastCallId = 0;

async function measureCall(session: SessionClient, call: ReturnType<typeof fakeCall>): Promise<number> {
  lastCallId += 1;
  const put = session.score(instance, { ...call, callId: lastCallId }, new Float32Array(call.candidates.length));
  frameBytes = 0;
  await put;
  return frameBytes;
}

/** Every value of every endpoint anew, so many times a second. */
async function sync(
  sessions: readonly SessionClient[],
  endpoints: EndpointTable,
  columns: readonly string[],
  { rate, seconds }: Extract<CallerTask, { kind: "sync" }>,
): Promise<CallerResult> {
  const startMs = performance.now();
  const ticks = Math.round(seconds * rate);
  for (let tick = 1; tick <= ticks; tick += 1) {
    const nowMs = Date.now();
    for (const key of columns) {
      for (const slot of endpoints.current.live) endpoints.setValue(slot, key, (tick + slot) % 97, nowMs);
    }
    endpoints.publish(nowMs);
    for (const session of sessions) session.publish(endpoints.current);
    await sleep(Math.max(0, startMs + (tick * 1000) / rate - performance.now()));
  }
  await sleep(100);
  const failed = sessions.filter(({ ackedRev }) => ackedRev !== endpoints.current.rev).length;
  return { count: ticks, failed, callBytes: 0 };
}

function fill(endpoints: number): EndpointTable {
  const made = createEndpointTable({ epoch: 1 });
  for (let i = 0; i < endpoints; i += 1) {
    const slot = made.upsert({ id: `pool/vllm-${i}`, address: `10.0.${i >> 8}.${i & 255}:8000`, labels: {} });
    made.setValue(slot, "waiting_requests", i % 7, Date.now());
    made.setReady(slot, true);
  }
  made.publish(Date.now());
  return made;
}

async function start(columns: readonly string[]): Promise<Plugin> {
  const address = await createChildAddress(folder, `${plugins.length}.sock`);
  const file = fileURLToPath(new URL("scorer.ts", import.meta.url));
  const command = { command: [process.execPath, file], cwd: folder, env: {} };
  const child = spawnGuarded(toGuardedCommand(command, address));
  child.stderr.pipe(process.stderr);
  child.stdout.resume();
  await reachChild(address, 10_000, { elapsedMs: () => performance.now() }, sleep);
  const ignore = () => {};
  const events = {
    violation: ignore,
    answered: ignore,
    lateAnswer: ignore,
    resynced: ignore,
    health: ignore,
    table: ignore,
    writable: ignore,
    closed: ignore,
  };
  const session = openSession(
    { kind: "socket", path: address.socketPath },
    {
      token: address.token,
      epoch: 7,
      events,
      onFrame: (direction, message) => {
        if (direction === "sent") frameBytes = message.length;
      },
    },
  );
  await session.hello({ host: "bench" });
  const numbered = columns.map((key, i) => ({ id: i + 1, key, unit: "" }));
  const granted = columns.map((key) => ({ key }));
  await session.configure({ instances: [{ id: 1, type: "bench", granted }], columns: numbered });
  session.publish(table!.current);
  await session.synced();
  return { session, child };
}

async function end(): Promise<void> {
  for (const { session } of plugins) session.close();
  await Promise.all(plugins.map(({ child }) => child.terminate(500)));
  rmSync(folder, { recursive: true, force: true });
  process.exit(0);
}
