import { type FaultPath, isMap } from "@outrider/host";
import { parse } from "yaml";

/** A value that stands in a scenario instead of what is written there. */
export interface Override {
  /** Such as `["fleet", 0, "count"]`. */
  readonly path: FaultPath;
  readonly value: unknown;
}

const pathStep = /([^.[\]]+)|\[(\d+)\]/g;
const wholePath = /^[^.[\]]+(?:\.[^.[\]]+|\[\d+\])*$/;

/** Reads `path=value`, the value as YAML, such as `fleet[0].count=12`; `undefined` for what is none. */
export function parseOverride(text: string): Override | undefined {
  const at = text.indexOf("=");
  const path = toPath(text.slice(0, Math.max(0, at)));
  if (path === undefined) return undefined;
  try {
    return { path, value: parse(text.slice(at + 1)) as unknown };
  } catch {
    return undefined;
  }
}

/** Reads a path such as `fleet[0].count`; `undefined` for what is none. */
export function toPath(text: string): FaultPath | undefined {
  if (!wholePath.test(text)) return undefined;
  return [...text.matchAll(pathStep)].map(([, key, index]) => (index === undefined ? key! : Number(index)));
}

/** The value with others in their places; maps that are missing on the way are made, lists grow by one at most. */
export function applyOverrides(value: unknown, overrides: readonly Override[]): unknown {
  return overrides.reduce((changed, { path, value: other }) => replaceAt(changed, path, other), value);
}

function replaceAt(value: unknown, [step, ...rest]: FaultPath, other: unknown): unknown {
  if (step === undefined) return other;
  if (Array.isArray(value) && typeof step === "number") {
    const list: unknown[] = [...value];
    const index = Math.min(step, list.length);
    list[index] = replaceAt(list[index], rest, other);
    return list;
  }
  const map = isMap(value) ? value : {};
  return { ...map, [step]: replaceAt(Object.hasOwn(map, step) ? map[step] : undefined, rest, other) };
}
