import { medianOf } from "./growth.ts";
import type { Sample } from "./sampler.ts";
import type { Outcome, Tally } from "./traffic/tally.ts";
import type { Check } from "./verdict.ts";

/** Time between two lines of progress where nobody watches, in s. */
const quietLineS = 60;

/** Tells how far a run is: in one line that changes on a terminal, once a minute elsewhere. */
export function createProgress(minutes: number): (sample: Sample) => void {
  let toldS = 0;
  return (sample) => {
    const line = `${(sample.atS / 60).toFixed(1)} of ${minutes} min: ${describe(sample)}`;
    if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${line}`);
    else if (sample.atS - toldS >= quietLineS) {
      toldS = sample.atS;
      console.error(line);
    }
  };
}

/** Prints what a run showed. */
export function printRun(
  samples: readonly Sample[],
  { byKind, failures }: Pick<Tally, "byKind" | "failures">,
  misdeeds: Readonly<Record<string, number>>,
  checks: readonly Check[],
): void {
  if (process.stderr.isTTY) process.stderr.write("\n");
  printLevels(samples);
  const outcomes: readonly Outcome[] = ["well", "aborted", "hit", "failed"];
  console.log(`\n| request | ${outcomes.join(" | ")} |\n|---|${"---|".repeat(outcomes.length)}`);
  for (const [kind, counts] of [...byKind].toSorted(([a], [b]) => a.localeCompare(b))) {
    console.log(`| ${kind} | ${outcomes.map((outcome) => counts[outcome]).join(" | ")} |`);
  }
  console.log(
    `\nmisdeeds: ${Object.entries(misdeeds)
      .map(([name, count]) => `${name} ${count}`)
      .join("; ")}`,
  );
  for (const [failure, count] of failures) console.log(`unexplained, ${count} times: ${failure}`);
  console.log("");
  for (const { name, isMet, found } of checks) console.log(`${isMet ? "ok    " : "FAILED"} ${name}: ${found}`);
}

/** The system in eight parts of the run. */
function printLevels(samples: readonly Sample[]): void {
  console.log("| until min | RSS MiB | heap | external | descriptors | leases | streams | lag p99 ms | machine busy |");
  console.log("|---|---|---|---|---|---|---|---|---|");
  const parts = 8;
  for (let i = 0; i < parts; i++) {
    const part = samples.slice(
      Math.floor((i * samples.length) / parts),
      Math.floor(((i + 1) * samples.length) / parts),
    );
    const level = (read: (sample: Sample) => number) => medianOf(part.map(read));
    const cells = [
      ((part.at(-1)?.atS ?? 0) / 60).toFixed(1),
      toMiB(level(({ rssBytes }) => rssBytes)),
      toMiB(level(({ heapBytes }) => heapBytes)),
      toMiB(level(({ externalBytes }) => externalBytes)),
      level(({ descriptors }) => descriptors),
      level(({ leases }) => leases),
      level(({ streams }) => streams),
      level(({ lagP99Ms }) => lagP99Ms).toFixed(1),
      `${(level(({ machineBusy }) => machineBusy) * 100).toFixed(0)} %`,
    ];
    console.log(`| ${cells.join(" | ")} |`);
  }
}

function describe(sample: Sample): string {
  const { requests, rssBytes, descriptors, leases, streams, lagP99Ms, restarts, machineBusy } = sample;
  const { well, aborted, hit, failed } = requests;
  return [
    `${well} well, ${aborted} aborted, ${hit} hit by faults, ${failed} failed`,
    `RSS ${toMiB(rssBytes)} MiB, ${descriptors} descriptors, ${leases} leases, ${streams} streams`,
    `lag p99 ${lagP99Ms.toFixed(1)} ms, ${restarts} restarts, machine ${(machineBusy * 100).toFixed(0)} % busy`,
  ].join("; ");
}

function toMiB(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(0);
}
