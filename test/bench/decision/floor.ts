import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** Round trip of one byte between two C programs, p50 and p99 in µs, as a sentence; tells where there is no C compiler. */
export function describeNativeFloor(): string {
  const folder = mkdtempSync(join(tmpdir(), "outrider-floor-"));
  try {
    execFileSync("cc", ["-O2", "-o", join(folder, "floor"), fileURLToPath(new URL("floor.c", import.meta.url))]);
    const [p50, p99] = execFileSync(join(folder, "floor"), { encoding: "utf8" }).trim().split(" ");
    return `Native echo over a unix socket: p50 ${p50} µs, p99 ${p99} µs.`;
  } catch {
    return "Native echo over a unix socket: not measured, there is no C compiler.";
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
