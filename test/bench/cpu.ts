import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

/**
 * CPU time that a process has used so far, all threads, in µs, by the kernel's scheduler (`/proc/PID/task/TID/schedstat`;
 * Linux only). Threads that have ended are not counted: take differences over a window in which none ends.
 */
export function cpuUs(pid: number): number {
  const tasks = readdirSync(`/proc/${pid}/task`);
  return tasks.reduce((sum, task) => sum + Number(readSchedstat(pid, task).split(" ")[0]) / 1000, 0);
}

/** CPU time that a process's first thread has used so far, in µs: the one that decides. */
export function mainThreadUs(pid: number): number {
  return Number(readSchedstat(pid, String(pid)).split(" ")[0]) / 1000;
}

/** Resident memory of a process in MiB. */
export function residentMiB(pid: number): number {
  const pages = Number(readFileSync(`/proc/${pid}/statm`, "utf8").split(" ")[1]);
  return (pages * 4096) / 2 ** 20;
}

function readSchedstat(pid: number, task: string): string {
  try {
    return readFileSync(`/proc/${pid}/task/${task}/schedstat`, "utf8");
  } catch {
    return "0";
  }
}

const idleS = 1;

/** CPU that a process takes while nothing is asked of it, in ms a second. */
export async function measureIdle(pid: number): Promise<number> {
  const before = cpuUs(pid);
  await sleep(idleS * 1000);
  return (cpuUs(pid) - before) / 1000 / idleS;
}
