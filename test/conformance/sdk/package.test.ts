import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { packSdk } from "@outrider/plugin-sdk/pack";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const run = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), "outrider-sdk-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const files = {
  "scorer.ts": `
import { defineScorer } from "@outrider/plugin-sdk";
import { z } from "zod";

export const shortQueue = defineScorer({
  type: "short-queue",
  category: "distribution",
  state: "none",
  needs: ["waiting_requests"],
  config: z.strictObject({ saturation: z.number().positive().default(16) }),
  create: ({ saturation }) => ({
    score({ candidates, columns: { waitingRequests } }, scores) {
      candidates.forEach((slot, i) => {
        scores[i] = 1 - Math.min(waitingRequests[slot]! / saturation, 1);
      });
    },
  }),
});
`,
  "main.ts": `
import { serve } from "@outrider/plugin-sdk";
import { shortQueue } from "./scorer.ts";

const plugin = await serve(shortQueue);
plugin.setHealth(true);
`,
  "scorer.test.ts": `
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { childProcess, fakeCall, local, loopback, scorerContract } from "@outrider/plugin-sdk/testing";
import { shortQueue } from "./scorer.ts";

for (const [where, open] of Object.entries({ local, loopback, child: childProcess(new URL("./main.ts", import.meta.url)) })) {
  describe(where, () => {
    for (const { title, run } of scorerContract) it(title, async () => run(await open(shortQueue)));
  });
}
it("prefers the shorter queue", async () => {
  const scorer = await local(shortQueue, { saturation: 4 });
  const scores: Float32Array = await scorer.score(fakeCall({ pool: [{ waiting_requests: 1 }, { waiting_requests: 3 }] }));
  assert.deepEqual([...scores], [0.75, 0.25]);
});
`,
  "wrong.ts": `
import { defineScorer } from "@outrider/plugin-sdk";
import { z } from "zod";

export const wrong = defineScorer({ type: "wrong", category: "sideways", state: "none", needs: [], config: z.object({}), create: () => ({ score() {} }) });
`,
};

describe("the SDK as a tarball, outside of the repository", () => {
  beforeAll(async () => {
    const tarball = await packSdk(folder);
    const manifest = {
      name: "mine",
      private: true,
      type: "module",
      dependencies: { "@outrider/plugin-sdk": `file:${tarball}` },
    };
    writeFileSync(join(folder, "package.json"), JSON.stringify(manifest));
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
    await run("npm", ["install", "--no-audit", "--no-fund", "--prefer-offline"], { cwd: folder });
  });

  it("runs a plugin and its tests without a build step", async () => {
    const { stdout } = await run(process.execPath, ["--test", "--test-reporter=tap"], {
      cwd: folder,
      env: plainEnv(),
    }).catch((error: { readonly stdout: string }) => error);
    expect(stdout.split("\n").filter((line) => /^\s*not ok|error:/.test(line))).toEqual([]);
    expect(Number(/# pass (\d+)/.exec(stdout)?.[1])).toBeGreaterThan(30);
  });

  it("tells the compiler its types", async () => {
    const compilerOptions = {
      module: "nodenext",
      target: "es2024",
      lib: ["es2025"],
      strict: true,
      noEmit: true,
      allowImportingTsExtensions: true,
      types: ["node"],
      typeRoots: [join(root, "node_modules/@types")],
    };
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["*.ts"] }));
    const tsc = join(root, "node_modules/.bin/tsc");
    const { stdout } = await run(tsc, ["-p", folder]).catch((error: { readonly stdout: string }) => error);
    expect(stdout.split("\n").filter((line) => line.includes("error"))).toEqual([
      expect.stringMatching(/^.*wrong\.ts.*sideways/),
    ]);
  });
});

/** Without what would make its test runner part of this one. */
function plainEnv(): NodeJS.ProcessEnv {
  const { PATH, HOME } = process.env;
  return { PATH, HOME };
}
