import { growthOf } from "./growth.ts";
import type { Sample } from "./sampler.ts";

/** What has to hold. */
export interface Check {
  readonly name: string;
  readonly isMet: boolean;
  /** What was found, and against what. */
  readonly found: string;
}

/** What the checks are made from. */
export interface Findings {
  readonly samples: readonly Sample[];
  readonly runMs: number;
  /** The system once the traffic had stopped and was over. */
  readonly rest: Sample;
  /** What failed without an explanation, with its count. */
  readonly failures: ReadonlyMap<string, number>;
  /** Exit code of the host, or the signal that ended it. */
  readonly ended: number | string;
}

/** Most that may be grown, as a fraction. */
const maxGrowth = 0.05;

/** Judges a run. */
export function judgeRun({ samples, runMs, rest, failures, ended }: Findings): readonly Check[] {
  const grown = (name: string, read: (sample: Sample) => number): Check => {
    const growth = growthOf(samples.map((sample) => ({ at: (sample.atS * 1000) / runMs, value: read(sample) })));
    return { name, isMet: growth < maxGrowth, found: `${percent(growth)}, less than ${percent(maxGrowth)} wanted` };
  };
  const left = (name: string, count: number): Check => ({ name, isMet: count === 0, found: `${count} left, 0 wanted` });
  const failed = [...failures.values()].reduce((sum, count) => sum + count, 0);
  return [
    grown("growth of resident memory", ({ rssBytes }) => rssBytes),
    grown("growth of descriptors", ({ descriptors }) => descriptors),
    left("leases", rest.leases),
    left("streams", rest.streams),
    left("held bytes", rest.heldBytes),
    { name: "unexplained failures", isMet: failed === 0, found: `${failed}, 0 wanted` },
    { name: "end of the host", isMet: ended === 0, found: `exit code ${ended}, 0 wanted` },
  ];
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
