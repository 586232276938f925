import { writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { cycleMsOf } from "./cycle.ts";
import { startMisdeeds } from "./misdeeds/misdeeds.ts";
import { parseOptions, type SoakOptions, usage } from "./options.ts";
import { soakPlugins } from "./plugins/main.ts";
import { createSampler, type Sample, type Sampler } from "./sampler.ts";
import { createProgress, printRun } from "./show.ts";
import { startSoakSystem } from "./system.ts";
import { openDoors } from "./traffic/doors.ts";
import { createTally, type Tally } from "./traffic/tally.ts";
import { startTraffic } from "./traffic/traffic.ts";
import { judgeRun } from "./verdict.ts";
import { createWeather } from "./weather.ts";

/** Longest time after the last request until nothing may be left of any, in ms. */
const restMs = 30_000;
const samplesPerRun = 360;
const longestSampleMs = 5_000;

// Not by exitCode: a run that was interrupted has requests open.
const args = process.argv.slice(2);
process.exit(await (args[0] === "plugins" ? soakPlugins(args.slice(1)) : main(args)));

async function main(args: readonly string[]): Promise<number> {
  let options: SoakOptions | "help";
  try {
    options = parseOptions(args);
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n${usage}`);
    return 2;
  }
  if (options === "help") {
    console.log(usage);
    return 0;
  }
  const interrupted = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => interrupted.abort());
  try {
    return await soak(options, interrupted.signal);
  } catch (error) {
    if (interrupted.signal.aborted) return 130;
    throw error;
  }
}

async function soak({ minutes, ratePerS, jsonFile }: SoakOptions, interrupted: AbortSignal): Promise<number> {
  const runMs = minutes * 60_000;
  const system = await startSoakSystem();
  let ended: number | string = "not ended";
  const samples: Sample[] = [];
  const weather = createWeather();
  const tally = createTally(weather);
  const sampler = createSampler(system);
  const misdeeds = startMisdeeds(system, weather, cycleMsOf(runMs));
  const doors = openDoors(system);
  const traffic = startTraffic(doors.doors, ratePerS, tally);
  let rest: Sample;
  try {
    const show = createProgress(minutes);
    for await (const sample of takeSamples(sampler, tally, runMs, interrupted)) {
      samples.push(sample);
      show(sample);
    }
    await misdeeds.stop();
    await traffic.stop();
    await doors.close();
    rest = await comeToRest(sampler, tally);
  } finally {
    ended = await system.stop();
  }
  const checks = judgeRun({ samples, runMs, rest, failures: tally.failures, ended });
  printRun(samples, tally, misdeeds.done, checks);
  if (jsonFile !== undefined) {
    const machine = `${cpus().length} cores, Node ${process.version}`;
    const requests = Object.fromEntries(tally.byKind);
    const failures = Object.fromEntries(tally.failures);
    const report = { machine, minutes, ratePerS, checks, requests, failures, misdeeds: misdeeds.done, rest, samples };
    writeFileSync(jsonFile, `${JSON.stringify(report)}\n`);
  }
  return checks.every(({ isMet }) => isMet) ? 0 : 1;
}

/** A sample every few seconds, to the end of the run. */
async function* takeSamples(
  sampler: Sampler,
  tally: Tally,
  runMs: number,
  signal: AbortSignal,
): AsyncGenerator<Sample, void> {
  const everyMs = Math.min(longestSampleMs, runMs / samplesPerRun);
  const startedMs = performance.now();
  for (let i = 1; i * everyMs <= runMs; i++) {
    await sleep(Math.max(0, startedMs + i * everyMs - performance.now()), undefined, { signal });
    yield await sampler.read(tally.counts);
  }
}

/** The system when nothing is left, or as it is when that takes too long. */
async function comeToRest(sampler: Sampler, tally: Tally): Promise<Sample> {
  const deadlineMs = performance.now() + restMs;
  for (;;) {
    const sample = await sampler.read(tally.counts);
    const isAtRest = sample.leases === 0 && sample.streams === 0 && sample.heldBytes === 0;
    if (isAtRest || performance.now() > deadlineMs) return sample;
    await sleep(250);
  }
}
