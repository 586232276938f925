import { basename } from "node:path";
import { isMap } from "@outrider/host";
import { CompareError } from "./compare-error.ts";
import { type Input, isScenario, movePath, readInput } from "./input.ts";

/** A workload that all policies of a comparison are put to. */
export interface WorkloadInput {
  /** How it is named in results. */
  readonly name: string;
  /** `workload:` as a scenario would have it. */
  readonly value: unknown;
  /** Folder that its paths start from. */
  readonly folder: string;
  /** Text that it was read from; `undefined` = it names a trace. */
  readonly text: string | undefined;
}

/**
 * Reads what `--workload` names: a trace (`.jsonl`), a scenario, of which it takes the workload, or a workload by itself.
 * @throws {CompareError} where it cannot be read or is none of these.
 */
export async function readWorkload(path: string): Promise<WorkloadInput> {
  if (/\.jsonl$/i.test(path))
    return { name: basename(path), value: { kind: "trace", file: path }, folder: ".", text: undefined };
  const input = await readInput(path);
  if (isScenario(input)) return workloadOf(input);
  const { value } = input;
  if (!isMap(value))
    throw new CompareError("usage", [`${path} is no workload: write what stands under workload: of a scenario`]);
  const inner = isMap(value.workload) ? value.workload : value;
  return { name: basename(path), value: inner, folder: input.folder, text: input.text };
}

/** The workload of a scenario. */
export function workloadOf({ name, value, folder, text }: Input): WorkloadInput {
  return { name: basename(name), value: isMap(value) ? value.workload : undefined, folder, text };
}

/** The workload as a scenario in another folder would have it. */
export function moveWorkload({ value, folder }: WorkloadInput, to: string): unknown {
  const move = (part: unknown) =>
    isMap(part) && typeof part.file === "string" ? { ...part, file: movePath(part.file, folder, to) } : part;
  if (isMap(value) && Array.isArray(value.parts)) return { ...value, parts: value.parts.map(move) };
  return move(value);
}

/** Files that a workload names, as they are written. */
export function filesOf(value: unknown): readonly string[] {
  if (!isMap(value)) return [];
  const parts: readonly unknown[] = Array.isArray(value.parts) ? value.parts : [value];
  return parts.flatMap((part) => (isMap(part) && typeof part.file === "string" ? [part.file] : []));
}

/** Whether a workload is one recorded one, whose rate is that of its rows. */
export function isRecorded(value: unknown): boolean {
  return isMap(value) && typeof value.file === "string";
}

/**
 * A workload whose requests arrive at another rate: `arrivals.rate` is set, or a recorded one played faster or slower.
 * @param recordedPerSecond rate of a recorded workload as it is.
 * @throws {CompareError} where it has no single rate.
 */
export function atRate(value: unknown, ratePerSecond: number, recordedPerSecond: number): unknown {
  if (!isMap(value)) return value;
  if (isRecorded(value)) return { ...value, speed: ratePerSecond / recordedPerSecond };
  const { arrivals, parts } = value;
  const hasOwn = (part: unknown) => isMap(part) && (part.arrivals !== undefined || part.file !== undefined);
  if (Array.isArray(parts) && parts.some(hasOwn)) {
    throw new CompareError("usage", ["rates need arrivals that all parts share: a part of the workload has its own"]);
  }
  if (!isMap(arrivals)) throw new CompareError("usage", ["rates need a workload with arrivals:"]);
  if (arrivals.stages !== undefined) {
    throw new CompareError("usage", ["rates need arrivals of one rate: the workload's have stages"]);
  }
  return { ...value, arrivals: { ...arrivals, rate: ratePerSecond } };
}
