import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { envoyMissing } from "../clients/envoy.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

const demos = [
  { title: "through its own gateway", args: [], missing: undefined },
  { title: "through a real Envoy", args: ["--envoy"], missing: envoyMissing },
];
for (const { title, args, missing } of demos) {
  describe.skipIf(missing !== undefined)(`the demo ${title}${missing ? ` (${missing})` : ""}`, () => {
    it("answers every request although a plugin is killed and a model server leaves", async () => {
      const { code, output } = await runDemo([...args, "--requests", "90", "--rate", "30", "--json"]);
      expect(code, output).toBe(0);
      const summary = JSON.parse(output.trim().split("\n").at(-1) ?? "") as Summary;
      expect(summary).toMatchObject({ requests: 90, failed: 0, decisions: 90, kills: 1 });
      expect(summary.restarts).toBeGreaterThanOrEqual(1);
      expect(Object.keys(summary.endpoints)).toHaveLength(6);
      expect(Object.keys(summary.scorers)).toEqual(["prefix", "queue", "session", "python"]);
      const { scored, abstained, late, failed, shed } = summary.scorers.prefix;
      expect(scored + abstained + late + failed + shed).toBe(90);
      expect(summary.hitRate).toBeGreaterThan(0);
      expect(output).toContain("is killed");
      expect(output).toContain("leaves");
    });
  });
}

interface Summary {
  readonly hitRate: number;
  readonly restarts: number;
  readonly endpoints: Readonly<Record<string, number>>;
  readonly scorers: Readonly<Record<"prefix", Record<"scored" | "abstained" | "late" | "failed" | "shed", number>>>;
}

/** As a user does, but for the installation: the launcher, which any Node from 20 on runs. */
function runDemo(args: readonly string[]): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve) => {
    const child = spawn("node", ["host/outrider/bin/outrider.js", "demo", ...args], { cwd: root });
    const output: Buffer[] = [];
    child.stdout.on("data", (data: Buffer) => output.push(data));
    child.stderr.on("data", (data: Buffer) => output.push(data));
    child.on("close", (code) => resolve({ code, output: Buffer.concat(output).toString() }));
  });
}
