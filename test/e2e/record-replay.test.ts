import { execFile } from "node:child_process";
import { createReadStream, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { sizeDelimitedDecodeStream, sizeDelimitedEncode } from "@bufbuild/protobuf/wire";
import { type Fleet, spawnFleet } from "@outrider/fleet";
import { type Record as RecordEntry, RecordSchema } from "@outrider/protos/record";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Host, startHost } from "../clients/host.ts";
import { listPlugins } from "../clients/plugins.ts";
import { until } from "../clients/poll.ts";
import { runTraffic } from "../clients/traffic.ts";

const main = fileURLToPath(new URL("../../host/outrider/src/main.ts", import.meta.url));

const config = `apiVersion: outrider.dev/v1alpha1
kind: EndpointPickerConfig
plugins:
- { name: prefix, type: prefix-cache, placement: process, grant: [request.block_hashes], budget: 2s }
- { name: queue, type: queue-scorer, placement: process, budget: 2s }
- { name: busy, type: active-request-scorer, placement: process, budget: 2s }
- { name: session, type: session-affinity, placement: process, budget: 2s }
- { type: kv-cache-utilization-scorer }
budget: 5s
schedulingProfiles:
- name: default
  plugins:
  - { pluginRef: prefix, weight: 3 }
  - { pluginRef: queue, weight: 2 }
  - { pluginRef: busy }
  - { pluginRef: session }
  - { pluginRef: kv-cache-utilization-scorer }
`;

/** What is in every prompt, as `runTraffic` writes them. */
const promptPart = "prompt 1";

let folder = "";
let file = "";
let fleet: Fleet;
let host: Host;

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

async function replay(path: string, ...flags: readonly string[]) {
  const { code, stdout, stderr } = await outrider("plugin", "replay", path, "--json", ...flags);
  if (stdout === "") throw new Error(`exit code ${code}: ${stderr}`);
  return { code, report: JSON.parse(stdout) as Report };
}

interface Report {
  readonly agrees: boolean;
  readonly frames: number;
  readonly instances: readonly {
    readonly process: string;
    readonly type: string;
    readonly calls: number;
    readonly events: number;
    readonly differing: number;
    readonly learnedBefore: boolean;
    readonly recorded: { readonly compared: number; readonly differing: number };
  }[];
  readonly differences: readonly { readonly kind: string; readonly callId: number; readonly process: string }[];
  readonly skipped: Readonly<Record<string, number>>;
}

async function entriesOf(path: string): Promise<readonly RecordEntry[]> {
  const entries: RecordEntry[] = [];
  for await (const entry of sizeDelimitedDecodeStream(RecordSchema, createReadStream(path))) entries.push(entry);
  return entries;
}

/** The same recording with one bit of one recorded score turned over; @returns its call. */
async function tamper(path: string, process: string, to: string): Promise<number> {
  const entries = await entriesOf(path);
  for (const { entry } of entries.toReversed()) {
    if (entry.case !== "frame" || entry.value.process !== process) continue;
    const { frame } = entry.value;
    if (frame.case !== "received" || frame.value.frame.case !== "scores") continue;
    const [result] = frame.value.frame.value.results;
    if (result === undefined || result.scores.length === 0) continue;
    const bits = new Uint32Array(Float32Array.of(result.scores[0]!).buffer);
    bits[0]! ^= 1;
    result.scores[0] = new Float32Array(bits.buffer)[0]!;
    writeFileSync(to, Buffer.concat(entries.map((one) => sizeDelimitedEncode(RecordSchema, one))));
    return result.callId;
  }
  throw new Error(`${path} has no answer of ${process}`);
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "outrider-replay-"));
  file = join(folder, "frames.bin");
  fleet = await spawnFleet({ servers: 4, timeScale: 0.01, models: ["*"] });
  host = await startHost({
    config,
    endpoints: fleet.endpoints,
    args: ["--no-warmup", "--gateway-port=0", "--refresh-metrics-interval=200ms"],
  });
  await until(
    () => listPlugins(host.addresses.admin),
    (plugins) => plugins.every(({ state }) => state === "active"),
    30_000,
  );
  const traffic = (count: number) =>
    runTraffic({ door: `http://${host.addresses.gateway}`, ratePerS: 60, count, abortShare: 0.1 });
  await traffic(60);
  const recording = outrider("plugin", "record", file, "--frames=1200", "--admin", host.addresses.admin, "--for=20s");
  await traffic(240);
  expect(await recording).toMatchObject({ code: 0, stdout: expect.stringContaining("frames written") });
}, 120_000);
afterAll(async () => {
  await host?.stop();
  await fleet?.stop();
  rmSync(folder, { recursive: true, force: true });
});

describe("a recording of running plugins", { timeout: 120_000 }, () => {
  it("begins with how its connections were opened, and with the whole table", async () => {
    const [first, ...entries] = await entriesOf(file);
    const openedAtMs = new Map<string, number>();
    const firstOf = new Map<string, string[]>();
    for (const { entry } of entries) {
      if (entry.case !== "frame") throw new Error(`an entry ${entry.case}`);
      const { process, frame, atMs } = entry.value;
      if (frame.case !== "sent" && frame.case !== "received") throw new Error(`a frame ${frame.case}`);
      if (!openedAtMs.has(process)) openedAtMs.set(process, atMs);
      const seen = firstOf.get(process) ?? [];
      if (seen.length < 5) firstOf.set(process, [...seen, `${frame.case} ${frame.value.frame.case}`]);
    }
    const opening = ["sent hello", "received hello", "sent configure", "received configured", "sent state"];
    expect([...firstOf.keys()].sort()).toEqual(["busy", "prefix", "queue", "session"]);
    for (const seen of firstOf.values()) expect(seen).toEqual(opening);
    const startedAtMs = first?.entry.case === "header" ? first.entry.value.atMs : 0;
    for (const atMs of openedAtMs.values()) expect(atMs).toBeLessThan(startedAtMs);
  });

  it("is answered alike by all placements, and by those without state as it was", async () => {
    const { code, report } = await replay(file, "--against", "inline,worker,process");
    expect(report.differences.filter(({ kind }) => kind === "placements")).toEqual([]);
    expect(report.instances.map(({ process }) => process).sort()).toEqual(["busy", "prefix", "queue", "session"]);
    for (const { type, calls, differing, learnedBefore, recorded } of report.instances) {
      expect([type, differing, learnedBefore]).toEqual([type, 0, true]);
      expect(calls).toBeGreaterThan(20);
      if (type !== "prefix-cache") expect([type, recorded.differing]).toEqual([type, 0]);
    }
    expect(report.instances.find(({ type }) => type === "prefix-cache")?.events).toBeGreaterThan(20);
    expect(report.skipped).toMatchObject({ unconfigured: 0, stateless: 0, unknownEndpoints: 0, invalid: 0 });
    expect([code, report.agrees]).toEqual([0, true]);
  });

  it("that one bit was changed in is told from the truth, by its call", async () => {
    const changed = join(folder, "changed.bin");
    const callId = await tamper(file, "queue", changed);
    const { code, report } = await replay(changed, "--against", "inline", "--plugin", "queue");
    expect([code, report.agrees]).toEqual([1, false]);
    expect(report.differences).toMatchObject([{ kind: "recorded", process: "queue", callId }]);
    const { stdout } = await outrider("plugin", "replay", changed, "--against", "inline", "--plugin", "queue");
    expect(stdout).toMatch(new RegExp(`queue-scorer \\(queue\\), call ${callId}, slot \\d+ .*0x`));
  });

  it("has the block hashes that were granted, and nothing of a prompt", async () => {
    expect(readFileSync(file).includes(promptPart)).toBe(false);
    const hashes: number[] = [];
    for (const { entry } of await entriesOf(file)) {
      if (entry.case !== "frame" || entry.value.frame.case !== "sent") continue;
      const { frame } = entry.value.frame.value;
      for (const { request } of frame.case === "score" ? frame.value.calls : []) {
        expect([request?.promptText, request?.tokenIdsU32le.length]).toEqual(["", 0]);
        if (entry.value.process === "prefix") hashes.push(request?.blockHashesU64le.length ?? 0);
        else expect(request?.blockHashesU64le.length).toBe(0);
      }
    }
    expect(Math.max(...hashes)).toBeGreaterThan(0);
  });
});
