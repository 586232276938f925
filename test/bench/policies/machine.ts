import { readFileSync } from "node:fs";
import { cpus } from "node:os";
import { cpuUs } from "../cpu.ts";

/** How much of a machine was used since the watch began, as shares of all its cores. */
export interface MachineUse {
  readonly usedHere: number;
  readonly usedByOthers: number;
}

/** Watches the machine, by the kernel's counts (Linux only). @param pids processes of the bench, alive until it is read. */
export function createMachineWatch(pids: readonly number[]): { read(): MachineUse } {
  const cpuS = () => pids.reduce((sum, pid) => sum + cpuUs(pid) / 1e6, 0);
  const before = { here: cpuS(), busy: busyS(), atMs: performance.now() };
  return {
    read() {
      const coreS = (cpus().length * (performance.now() - before.atMs)) / 1_000;
      const hereS = cpuS() - before.here;
      return { usedHere: hereS / coreS, usedByOthers: Math.max(0, busyS() - before.busy - hereS) / coreS };
    },
  };
}

/** Kernel ticks a second, as user space sees them. */
const ticksPerS = 100;

/** CPU time that all cores have spent so far with anything but waiting, in s. */
function busyS(): number {
  const [line = ""] = readFileSync("/proc/stat", "utf8").split("\n", 1);
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = line.split(/\s+/).slice(1).map(Number);
  return (user + nice + system + irq + softirq + steal) / ticksPerS;
}
