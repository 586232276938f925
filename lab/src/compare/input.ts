import { basename, dirname, relative, resolve, sep } from "node:path";
import { isMap, readConfigBytes, toConfigText } from "@outrider/host";
import { parse } from "yaml";
import { CompareError } from "./compare-error.ts";

/** A YAML file that a comparison is made of. */
export interface Input {
  /** As it was named. */
  readonly name: string;
  readonly text: string;
  /** Folder that its paths start from. */
  readonly folder: string;
  /** What it says; `undefined` where it is no YAML, of which those tell that check it. */
  readonly value: unknown;
}

/** Reads a file. @throws {CompareError} where that cannot be done. */
export async function readInput(path: string): Promise<Input> {
  const folder = resolve(dirname(path));
  const bytes = await readConfigBytes(path).catch((cause: unknown) => {
    throw new CompareError("usage", [
      `${path} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`,
    ]);
  });
  const read = toConfigText({ name: path, bytes, folder });
  if (read.kind === "unreadable") throw new CompareError("usage", [`${path} ${read.fault.message}`]);
  return { name: path, text: read.text, folder, value: tryParse(read.text) };
}

/** Whether a file is a scenario. */
export function isScenario({ value }: Input): boolean {
  return isMap(value) && value.kind === "Scenario";
}

/** Shortest names that tell files apart: their own without ending, with folders before it where those are alike. */
export function shortNames(paths: readonly string[]): readonly string[] {
  const whole = paths.map((path) =>
    resolve(path)
      .replace(/\.(ya?ml|json)$/i, "")
      .split(sep),
  );
  const depths = whole.map((parts) => {
    const alike = (depth: number) =>
      whole.filter((other) => other.slice(-depth).join("/") === parts.slice(-depth).join("/")).length;
    return parts.findIndex((_, i) => alike(i + 1) === alike(parts.length)) + 1;
  });
  const names = whole.map((parts, i) => parts.slice(-depths[i]!).join("/"));
  return names.map((name, i) => {
    const before = names.slice(0, i).filter((other) => other === name).length;
    return before === 0 ? name : `${name}#${before + 1}`;
  });
}

/** A path that stands in a file, as one of another folder would have it. */
export function movePath(path: string, from: string, to: string): string {
  return relative(to, resolve(from, path));
}

/** A file's name without its folder, for results. */
export function bareName({ name }: Input): string {
  return basename(name);
}

function tryParse(text: string): unknown {
  try {
    return parse(text) as unknown;
  } catch {
    return undefined;
  }
}
