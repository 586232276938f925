import { expect, it } from "vitest";
import type { Sample } from "./sampler.ts";
import { type Findings, judgeRun } from "./verdict.ts";

const calm: Sample = {
  atS: 0,
  rssBytes: 300e6,
  descriptors: 80,
  heapBytes: 60e6,
  externalBytes: 30e6,
  leases: 0,
  streams: 0,
  heldBytes: 0,
  lagP99Ms: 5,
  restarts: 0,
  machineBusy: 0.5,
  requests: { well: 0, aborted: 0, hit: 0, failed: 0 },
};
const runMs = 100_000;
const samplesOf = (change: (at: number) => Partial<Sample>) =>
  Array.from({ length: 100 }, (_, i) => ({ ...calm, ...change(i / 100), atS: i + 1 }));
const findings: Findings = { samples: samplesOf(() => ({})), runMs, rest: calm, failures: new Map(), ended: 0 };
const unmet = (changed: Partial<Findings>) =>
  judgeRun({ ...findings, ...changed }).flatMap(({ name, isMet }) => (isMet ? [] : [name]));

const cases: readonly { title: string; changed: Partial<Findings>; want: readonly string[] }[] = [
  { title: "finds nothing in a run that stays level", changed: {}, want: [] },
  {
    title: "finds memory that grows by 7 %",
    changed: { samples: samplesOf((at) => ({ rssBytes: 300e6 * (1 + at / 10) })) },
    want: ["growth of resident memory"],
  },
  {
    title: "finds descriptors that stay open",
    changed: { samples: samplesOf((at) => ({ descriptors: 80 + Math.floor(at * 20) })) },
    want: ["growth of descriptors"],
  },
  {
    title: "finds a run too short to tell",
    changed: { samples: [] },
    want: ["growth of resident memory", "growth of descriptors"],
  },
  { title: "finds a lease that is left", changed: { rest: { ...calm, leases: 1 } }, want: ["leases"] },
  { title: "finds bytes that are left", changed: { rest: { ...calm, heldBytes: 1 } }, want: ["held bytes"] },
  { title: "finds a failure", changed: { failures: new Map([["x", 1]]) }, want: ["unexplained failures"] },
  { title: "finds a host that was killed", changed: { ended: "SIGKILL" }, want: ["end of the host"] },
];
for (const { title, changed, want } of cases) it(title, () => expect(unmet(changed)).toEqual(want));
