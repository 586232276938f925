import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { EndpointEntry, OutriderError } from "@outrider/core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createManualClock, type ManualClock } from "../plugins/fixtures/manual-clock.ts";
import type { EndpointSource } from "./endpoint-source.ts";
import { createFileSource } from "./file-source.ts";

let folder: string;
let path: string;
let clock: ManualClock;
let source: EndpointSource;
let lists: (readonly EndpointEntry[])[];
let faults: string[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "endpoints-"));
  path = join(folder, "pool.yaml");
  clock = createManualClock();
  source = createFileSource(path, clock);
  lists = [];
  faults = [];
});
afterEach(() => {
  source.stop();
  rmSync(folder, { recursive: true, force: true });
});

const start = () =>
  source.start({
    onEndpoints: (list) => lists.push(list),
    onFault: (fault: OutriderError) => faults.push(`${fault.code} ${fault.message.replaceAll(folder, "")}`),
  });

describe("a file of endpoints", () => {
  it("that is not there at the start is a fault", async () => {
    await expect(start()).rejects.toMatchObject({
      code: "ENDPOINTS_INVALID",
      message: `${path}: cannot be read: ENOENT`,
    });
  });

  it("that is wrong at the start is a fault with its place", async () => {
    writeFileSync(path, "endpoints: 3\n");
    await expect(start()).rejects.toThrow(`${path}:1:12 endpoints: must be a list, is 3`);
  });

  it("that vanishes or becomes wrong is told of once for each fault, and its list stays", async () => {
    write("10.0.0.1");
    expect(await start()).toEqual([entry("10.0.0.1")]);
    const missing = "ENDPOINTS_INVALID /pool.yaml: cannot be read: ENOENT";
    const wrong = 'ENDPOINTS_INVALID /pool.yaml:1:32 endpoints[0].address: must be an IP address, is "x"';
    rmSync(path);
    await rescanUntil(() => faults.length === 1);
    await rescanUntil(countedRescans(3));
    expect(faults).toEqual([missing]);
    write("x");
    await rescanUntil(() => faults.length === 2);
    await rescanUntil(countedRescans(3));
    expect(faults).toEqual([missing, wrong]);
    expect(lists).toEqual([]);
    write("10.0.0.1");
    await rescanUntil(() => lists.length === 1);
    expect(lists).toEqual([[entry("10.0.0.1")]]);
    rmSync(path);
    await rescanUntil(() => faults.length === 3);
    expect(faults[2]).toBe(missing);
  });

  it("that is replaced by another is read", async () => {
    write("10.0.0.1");
    await start();
    write("10.0.0.2");
    await rescanUntil(() => lists.length === 1);
    expect(lists).toEqual([[entry("10.0.0.2")]]);
  });

  it("is read again soon after the folder tells of a change", async () => {
    write("10.0.0.1");
    await start();
    write("10.0.0.2");
    await until(() => {
      clock.advance(1);
      return lists.length > 0 || clock.elapsedMs() > 4_000;
    });
    expect(lists).toEqual([[entry("10.0.0.2")]]);
  });

  it("that is written anew with the same bytes is no change", async () => {
    write("10.0.0.1");
    await start();
    write("10.0.0.1");
    await rescanUntil(countedRescans(3));
    expect(lists).toEqual([]);
  });

  it("is left alone behind a stop", async () => {
    write("10.0.0.1");
    await start();
    source.stop();
    write("10.0.0.2");
    await rescanUntil(countedRescans(5));
    expect(lists).toEqual([]);
  });
});

const text = (address: string) => `endpoints: [{name: a, address: ${address}, port: 80}]\n`;
const entry = (ip: string) => ({ id: "default/a", address: `${ip}:80`, labels: {} });

/** Replaces the file in one step. */
function write(address: string): void {
  writeFileSync(join(folder, "next"), text(address));
  renameSync(join(folder, "next"), path);
}

/** Lets the time of rescans pass until something has come of it. */
function rescanUntil(condition: () => boolean): Promise<void> {
  return until(() => {
    clock.advance(10_000);
    return condition();
  });
}

/** True once that many turns with a rescan's time each have passed, and what they read. */
function countedRescans(count: number): () => boolean {
  let turns = 0;
  return () => ++turns > 20 * count;
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 1));
}
