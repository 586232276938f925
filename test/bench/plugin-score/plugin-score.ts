import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { cpuUs } from "../cpu.ts";
import type { Effort, Section, Table } from "../section.ts";
import { format, type Measured, measureInTurn, median, spread, withAll } from "../windows.ts";
import type { CallerResult, CallerTask } from "./caller.ts";

const wanted = { firstUs: 15, nextUs: 8, syncShare: 0.05, callBytes: 200 };

type Task = CallerTask extends infer T ? (T extends CallerTask ? Omit<T, "seconds"> : never) : never;

/** What a plugin out of process costs the host, without the rest of the host. */
export const pluginScore: Section = {
  name: "plugin",
  about: "host CPU of a call over a Session, and of keeping plugins in step",
  effort: { windows: 5, seconds: 3 },
  run: async (effort) => [await measureCalls(effort), await measureSync(effort)],
};

async function measureCalls(effort: Effort): Promise<Table> {
  const inFlight = 16;
  const score = { kind: "score", inFlight } as const;
  const small = [0, 1, 2, 4].map((plugins) => ({ ...score, plugins, endpoints: 100 }));
  const windows = await measure([...small, { ...score, plugins: 1, endpoints: 1000 }], effort);
  const costs = windows.map(({ results }) => median(results.map(({ cpuUs: us, count }) => us / count)));
  const [none = 0, one = 0, , four = 0] = costs;
  const rows = windows.map(({ task, results }, i) => ({
    endpoints: task.endpoints,
    plugins: task.plugins,
    "host CPU µs a decision": format(costs[i]!),
    windows: spread(results.map(({ cpuUs: us, count }) => us / count)),
    "decisions /s": format(median(results.map(({ count }) => count / effort.seconds))),
    "bytes of a call": results[0]?.callBytes || "–",
  }));
  const failed = windows.flatMap(({ results }) => results).reduce((sum, one) => sum + one.failed, 0);
  const bytes = windows.at(-1)?.results[0]?.callBytes;
  const notes = [
    `A call to the first plugin: ${format(one - none)} µs (wanted ≤ ${wanted.firstUs}), ${format(one)} with the loop that makes it; to each next: ${format((four - one) / 3)} µs (wanted ≤ ${wanted.nextUs}).`,
    `A call at 1,000 endpoints, 999 of them candidates, nothing granted: ${bytes} bytes (wanted ≤ ${wanted.callBytes}).`,
  ];
  return { title: `plugin: calls over Sessions, ${inFlight} decisions in flight`, rows, notes, failed };
}

async function measureSync(effort: Effort): Promise<Table> {
  const sync = { kind: "sync", endpoints: 1000, columns: 16, rate: 20 } as const;
  const windows = await measure(
    [0, 1, 4].map((plugins) => ({ ...sync, plugins })),
    effort,
  );
  const shares = windows.map(({ results }) => results.map(({ cpuUs: us }) => us / 1e6 / effort.seconds));
  const [none = 0, one = 0, four = 0] = shares.map(median);
  const rows = windows.map(({ task, results }, i) => ({
    plugins: task.plugins,
    "share of a core": format(median(shares[i]!)),
    windows: spread(shares[i]!),
    snapshots: results[0]!.count,
  }));
  const failed = windows.flatMap(({ results }) => results).reduce((sum, one) => sum + one.failed, 0);
  const notes = [
    `The first plugin: ${format(one - none)} of a core; each next: ${format((four - one) / 3)} (wanted ≤ ${wanted.syncShare}).`,
  ];
  return { title: "plugin: 1,000 endpoints × 16 columns, all anew, at 20 Hz", rows, notes, failed };
}

interface Window extends CallerResult {
  readonly cpuUs: number;
}

interface Caller extends Measured {
  readonly task: Task;
  /** Has it do its task for so long. */
  run(seconds: number): Promise<CallerResult>;
}

async function measure(
  tasks: readonly Task[],
  { windows, seconds }: Effort,
): Promise<readonly { readonly task: Task; readonly results: readonly Window[] }[]> {
  const starts = tasks.map((task) => () => start(task));
  return withAll(starts, async (all: readonly Caller[]) => {
    const results = await measureInTurn(all, windows, async (one): Promise<Window> => {
      const before = cpuUs(one.pid);
      const result = await one.run(seconds);
      return { ...result, cpuUs: cpuUs(one.pid) - before };
    });
    return all.map((one) => ({ task: one.task, results: results.get(one) ?? [] }));
  });
}

/** As `outrider serve` is started. */
const memoryFlags = ["--initial-old-space-size=512", "--min-semi-space-size=4", "--max-semi-space-size=4"];

/** A process of its own for each row; its plugins idle where it is not asked. */
async function start(task: Task): Promise<Caller> {
  const child = fork(new URL("caller.ts", import.meta.url), { execArgv: memoryFlags });
  const run = (seconds: number) => ask(child, { ...task, seconds } as CallerTask);
  await run(0.1);
  return {
    row: `${task.kind}, ${task.plugins} plugins`,
    pid: child.pid ?? 0,
    task,
    pause: () => {},
    async resume() {},
    run,
    async stop() {
      child.disconnect();
      await once(child, "exit");
    },
  };
}

async function ask(child: ChildProcess, task: CallerTask): Promise<CallerResult> {
  const gone = once(child, "exit").then(() => {
    throw new Error("the caller has ended");
  });
  gone.catch(() => {});
  child.send(task);
  const [result] = await Promise.race([once(child, "message"), gone]);
  return result as CallerResult;
}
