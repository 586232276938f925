/**
 * Loaded into a host before its own code: how much CPU each turn of its event loop takes, so that the longest shows what
 * everybody else had to wait for. SIGUSR2 has the turns so far written to the file that the module's query names, and
 * begins anew.
 */
import { renameSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const file = fileURLToPath(new URL(import.meta.url).searchParams.get("file") ?? "");
let longestUs = 0;
let beforeUs = cpuUs();

process.on("SIGUSR2", () => {
  writeFileSync(`${file}.part`, JSON.stringify({ longestUs }));
  renameSync(`${file}.part`, file);
  longestUs = 0;
  beforeUs = cpuUs();
});
turn();

function turn(): void {
  const nowUs = cpuUs();
  longestUs = Math.max(longestUs, nowUs - beforeUs);
  beforeUs = nowUs;
  setImmediate(turn).unref();
}

/** CPU that this thread has used, in µs. */
function cpuUs(): number {
  const { user, system } = process.threadCpuUsage();
  return user + system;
}
