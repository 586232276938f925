import { execFile, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { sizeDelimitedEncode } from "@bufbuild/protobuf/wire";
import { type Fleet, spawnFleet } from "@outrider/fleet";
import { readRecording } from "@outrider/host";
import { type Record as RecordEntry, RecordSchema } from "@outrider/protos/record";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startHost } from "../clients/host.ts";
import { listPlugins } from "../clients/plugins.ts";
import { until } from "../clients/poll.ts";
import { runTraffic } from "../clients/traffic.ts";

const main = fileURLToPath(new URL("../../host/outrider/src/main.ts", import.meta.url));

const inline = "placement: inline";
const asProcess = "placement: process, budget: 2s";
const asWorker = "placement: worker, budget: 2s";
const learning = `${asProcess}, grant: [request.block_hashes]`;

/** @param prefix placement of what learns, @param queue of what does not. */
const toConfig = (queue: string, prefix = inline) => `apiVersion: outrider.dev/v1alpha1
kind: EndpointPickerConfig
plugins:
- { name: learned, type: approx-prefix-cache-producer, ${prefix} }
- { name: prefix, type: prefix-cache-scorer, parameters: { prefixMatchInfoProducerName: learned } }
- { name: queue, type: queue-scorer, ${queue} }
- { name: busy, type: active-request-scorer }
- { name: session, type: session-affinity-scorer }
- { name: kv, type: kv-cache-utilization-scorer }
budget: 5s
schedulingProfiles:
- name: default
  plugins:
  - { pluginRef: prefix, weight: 3 }
  - { pluginRef: queue, weight: 2 }
  - { pluginRef: busy }
  - { pluginRef: session }
  - { pluginRef: kv }
`;

/** What is in every prompt, as `runTraffic` writes them. */
const promptPart = "prompt 1";
const requests = 100;
const bursts = 25;
const burstSize = 8;

/** What a command came to. */
interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function outrider(...words: readonly string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    execFile(process.execPath, [main, ...words], { maxBuffer: 1 << 26 }, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === "number" ? error.code : 0, stdout, stderr });
    });
  });
}

interface Report {
  readonly agrees: boolean;
  readonly recording: { readonly isWhole: boolean; readonly decisions: number; readonly parts: number };
  readonly replayed: number;
  readonly identical: number;
  readonly samePick: number;
  readonly learnedBefore: number;
  readonly skipped: Readonly<Record<string, number>>;
  readonly differences: readonly { readonly what: string }[];
  readonly matrix: readonly { readonly from: string; readonly to: string; readonly count: number }[];
  readonly plugins: readonly { readonly name: string; readonly compared: number; readonly differing: number }[];
}

async function replay(path: string, ...flags: readonly string[]) {
  const { code, stdout, stderr } = await outrider("replay", path, "--json", ...flags);
  if (stdout === "") throw new Error(`exit code ${code}: ${stderr}`);
  return { code, report: JSON.parse(stdout) as Report };
}

let folder = "";
let fleet: Fleet;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "outrider-decisions-"));
  fleet = await spawnFleet({ servers: 4, timeScale: 0.01, models: ["*"] });
}, 60_000);
afterAll(async () => {
  await fleet?.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** A host under traffic, recorded until the recording is interrupted. @param before requests that come before it. */
async function record(file: string, config: string, before = 0): Promise<void> {
  const host = await startHost({
    config,
    endpoints: fleet.endpoints,
    args: ["--no-warmup", "--gateway-port=0"],
  });
  try {
    const { admin, gateway } = host.addresses;
    await until(
      () => listPlugins(admin),
      (plugins) => plugins.every(({ state }) => state === "active"),
      30_000,
    );
    const door = `http://${gateway}`;
    if (before > 0) await runTraffic({ door, ratePerS: 100, count: before });
    const recording = startRecording(file, admin);
    await until(
      () => readEntries(file),
      (entries) => entries > 0,
      30_000,
    );
    await Promise.all([runTraffic({ door, ratePerS: 100, count: requests, abortShare: 0.1 }), sendBursts(door)]);
    await untilQuiet(file);
    expect(await recording.interrupt()).toMatchObject({ code: 0, stdout: expect.stringContaining("decisions in") });
  } finally {
    await host.stop();
  }
}

/** Requests that begin alike, close behind each other: some are decided before plugins have heard of those before. */
async function sendBursts(door: string): Promise<void> {
  for (let burst = 0; burst < bursts; burst++) {
    const prompt = `prompt 1 of group ${burst % 5}. `.repeat(100);
    const body = JSON.stringify({ model: "m", prompt, max_tokens: 4 });
    const headers = { "content-type": "application/json" };
    const send = async (_: unknown, i: number) => {
      await delay(2 * i);
      const response = await fetch(`${door}/v1/completions`, { method: "POST", headers, body });
      return response.text();
    };
    await Promise.all(Array.from({ length: burstSize }, send));
  }
}

/** `outrider record` as a process of its own. */
function startRecording(file: string, admin: string) {
  const child = spawn(process.execPath, [main, "record", file, "--admin", admin]);
  let stdout = "";
  child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
  const exited = new Promise<number | null>((resolve) => child.once("exit", resolve));
  return {
    async interrupt() {
      child.kill("SIGINT");
      return { code: await exited, stdout };
    },
  };
}

function readEntries(file: string): number {
  return existsSync(file) ? readFileSync(file).length : 0;
}

/** All that was made has been written: every decision has its end. */
async function untilQuiet(file: string): Promise<void> {
  await until(
    () => countEnds(file),
    ({ made, done }) => made > 0 && made === done,
    30_000,
  );
}

async function countEnds(file: string): Promise<{ readonly made: number; readonly done: number }> {
  let made = 0;
  let done = 0;
  for await (const { entry } of readRecording(file)) {
    if (entry.case === "decision") made += 1;
    if (entry.case === "feedback" && entry.value.event?.event.case === "done") done += 1;
  }
  return { made, done };
}

const placements = [
  { title: "with all plugins inline", name: "inline", config: toConfig(inline) },
  { title: "with one scorer as a process", name: "process", config: toConfig(asProcess) },
  { title: "with a process that learns", name: "learning", config: toConfig(asProcess, learning) },
  { title: "with threads", name: "worker", config: toConfig(asWorker, asWorker) },
];

describe("a host recorded from its first decision on", { timeout: 120_000 }, () => {
  for (const { title, name, config } of placements) {
    it(`decides everything again bit by bit, ${title}`, async () => {
      const file = join(folder, `${name}.rec`);
      await record(file, config);
      const { code, report } = await replay(file);
      expect(report).toMatchObject({ skipped: {}, differences: [], recording: { isWhole: true, parts: 1 } });
      expect([code, report.agrees, report.identical]).toEqual([0, true, report.replayed]);
      expect(report.replayed).toBeGreaterThan(bursts * burstSize);
      expect(report.plugins.map(({ name: plugin }) => plugin)).toContain("learned");
    });
  }

  it("has nothing of a prompt, but its hashes", async () => {
    const file = join(folder, "inline.rec");
    expect(readFileSync(file).includes(promptPart)).toBe(false);
    const hashes: number[] = [];
    for await (const { entry } of readRecording(file)) {
      if (entry.case === "facts") hashes.push(entry.value.facts?.blockHashesU64le.length ?? 0);
    }
    expect(Math.max(...hashes)).toBeGreaterThan(0);
  });

  it("says who would have gone where under another configuration, and why", async () => {
    const other = join(folder, "other.yaml");
    writeFileSync(other, toConfig(inline).replace("pluginRef: prefix, weight: 3", "pluginRef: prefix, weight: 30"));
    const file = join(folder, "inline.rec");
    const { code, report } = await replay(file, "--config", other);
    const moved = report.matrix.reduce((sum, { count }) => sum + count, 0);
    expect([code, report.replayed, report.identical]).toEqual([0, expect.any(Number), 0]);
    expect(report.samePick + moved).toBe(report.replayed);
    expect(report.matrix.every(({ from, to }) => from !== to)).toBe(true);
  });

  it("is the recorded configuration where a file says the same, and other answers are told by who gave them", async () => {
    const same = join(folder, "same.yaml");
    writeFileSync(same, toConfig(inline));
    expect(await replay(join(folder, "inline.rec"), "--config", same)).toMatchObject({
      code: 0,
      report: { agrees: true },
    });
    const changed = join(folder, "changed.rec");
    const decisionId = await tamper(join(folder, "inline.rec"), changed);
    const { code, report } = await replay(changed);
    expect([code, report.agrees, report.replayed - report.identical]).toEqual([1, false, 1]);
    expect(report.differences).toMatchObject([{ decisionId, source: "scorer", name: "queue", isLearnedBefore: false }]);
  });

  it("reads up to its last whole entry where it is cut short", async () => {
    const whole = readFileSync(join(folder, "inline.rec"));
    const cut = join(folder, "cut.rec");
    writeFileSync(cut, whole.subarray(0, Math.floor(whole.length / 2)));
    const { code, report } = await replay(cut);
    expect([code, report.agrees]).toEqual([0, true]);
    expect(report.replayed).toBeGreaterThan(requests / 2);
    expect(report.replayed).toBeLessThan(requests + bursts * burstSize);
  });
});

describe("a host recorded behind its first decisions", { timeout: 120_000 }, () => {
  it("agrees but for what its plugins had learned before", async () => {
    const file = join(folder, "later.rec");
    await record(file, toConfig(inline), 60);
    const { code, report } = await replay(file);
    expect([code, report.agrees, report.recording.isWhole]).toEqual([0, true, false]);
    expect(report.learnedBefore).toBeGreaterThan(0);
    expect(report.identical + report.learnedBefore).toBe(report.replayed);
  });
});

/** The same recording with one bit of one recorded score of `queue` turned over; @returns its decision. */
async function tamper(path: string, to: string): Promise<string> {
  const entries: RecordEntry[] = [];
  for await (const entry of readRecording(path)) entries.push(entry);
  for (const { entry } of entries.toReversed()) {
    if (entry.case !== "decision") continue;
    const scores = entry.value.profiles[0]?.scorers.find(({ name }) => name === "queue")?.scores ?? [];
    if (scores.length === 0) continue;
    const bits = new Uint32Array(Float32Array.of(scores[0]!).buffer);
    bits[0]! ^= 1;
    scores[0] = new Float32Array(bits.buffer)[0]!;
    writeFileSync(to, Buffer.concat(entries.map((one) => sizeDelimitedEncode(RecordSchema, one))));
    return entry.value.decisionId;
  }
  throw new Error(`${path} has no answer of queue`);
}
