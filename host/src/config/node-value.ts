import { type Alias, type Document, isAlias, isMap, isScalar, isSeq, type Node, type Pair, type YAMLMap } from "yaml";
import { type FaultPath, quote } from "./faults.ts";

/** Where the entries of one map or list stand in the text, as offsets. */
export interface Origin {
  readonly start: number;
  /** Offsets of an entry's key and value. */
  readonly entries: Map<string | number, { readonly key: number; readonly value: number }>;
}

/** The plain value of a document and where each of its parts stands. */
export interface NodeValue {
  readonly value: unknown;
  /** Origin of each map and list in {@link value}; no two places share one object. */
  readonly origins: WeakMap<object, Origin>;
  /** Offset of the document's value. */
  readonly start: number;
}

/** Told of what makes no value. */
export type Report = (path: FaultPath, offset: number, message: string, hint: string) => void;

/** Deepest nesting, far beyond what the schema has. */
const maxDepth = 50;
/** Most values that a configuration comes to with all its aliases written out. */
const maxValues = 50_000;

/** Thrown to leave a document that cannot be a configuration; its fault has been reported. */
class Abandoned extends Error {}

/**
 * Plain value of a parsed document: aliases and merge keys written out, anything that appears twice or is no plain
 * data reported.
 */
export function toNodeValue(document: Document, report: Report): NodeValue | undefined {
  const origins = new WeakMap<object, Origin>();
  const anchors = new Map<string, Node>();
  const open = new Set<unknown>();
  let left = maxValues;

  const convert = (node: unknown, path: FaultPath, at: number): unknown => {
    if (--left < 0) abandon(path, at, `has more than ${maxValues} values, aliases included`, "");
    if (path.length > maxDepth) abandon(path, at, "is nested too deeply", "");
    if (isAlias(node)) return convertAlias(node, path, at);
    if (isScalar(node)) {
      if (node.anchor !== undefined) anchors.set(node.anchor, node);
      return node.value;
    }
    if (!isMap(node) && !isSeq(node)) return null;
    if (node.anchor !== undefined) anchors.set(node.anchor, node);
    open.add(node);
    const value = isMap(node) ? convertMap(node, path, at) : convertList(node.items, path, at);
    open.delete(node);
    return value;
  };
  const convertAlias = (alias: Alias, path: FaultPath, at: number): unknown => {
    const target = anchors.get(alias.source);
    if (target !== undefined && !open.has(target)) return convert(target, path, at);
    const own = target === undefined ? "names no anchor above it" : "refers to what it is part of";
    report(path, offsetOf(alias), `alias *${alias.source} ${own}`, "write the value itself");
    return null;
  };
  const convertMap = (map: YAMLMap, path: FaultPath, at: number) => {
    const origin: Origin = { start: at, entries: new Map() };
    const value: Record<string, unknown> = {};
    const merged: (() => void)[] = [];
    for (const pair of map.items) {
      if (isMergeKey(pair)) {
        const source = convert(pair.value, [...path, "<<"], offsetOf(pair.key));
        merged.push(() => merge(value, origin, source, [...path, "<<"], offsetOf(pair.key)));
      } else addEntry(value, origin, pair, path);
    }
    for (const apply of merged) apply();
    origins.set(value, origin);
    return value;
  };
  const addEntry = (value: Record<string, unknown>, origin: Origin, pair: Pair, path: FaultPath) => {
    const keyAt = offsetOf(pair.key);
    const key = isScalar(pair.key) ? String(pair.key.value) : undefined;
    if (key === undefined) return report(path, keyAt, "has a key that is no plain text", "write a field's name");
    if (origin.entries.has(key)) return report([...path, key], keyAt, "is written twice", "keep one of them");
    const valueAt = pair.value === null ? keyAt : offsetOf(pair.value);
    origin.entries.set(key, { key: keyAt, value: valueAt });
    define(value, key, convert(pair.value, [...path, key], valueAt));
  };
  /** Adds the fields of merged maps, as far as the map does not have them itself. */
  const merge = (value: Record<string, unknown>, origin: Origin, source: unknown, path: FaultPath, at: number) => {
    for (const part of Array.isArray(source) ? source : [source]) {
      if (typeof part !== "object" || part === null || Array.isArray(part)) {
        return report(path, at, "merges what is no map", "write << with an alias of a map");
      }
      for (const [name, child] of Object.entries(part)) {
        if (origin.entries.has(name)) continue;
        origin.entries.set(name, origins.get(part)!.entries.get(name)!);
        define(value, name, child);
      }
    }
  };
  const convertList = (items: readonly unknown[], path: FaultPath, at: number) => {
    const origin: Origin = { start: at, entries: new Map() };
    const value = items.map((item, i) => {
      const itemAt = item === null ? at : offsetOf(item);
      origin.entries.set(i, { key: itemAt, value: itemAt });
      return convert(item, [...path, i], itemAt);
    });
    origins.set(value, origin);
    return value;
  };
  const abandon = (path: FaultPath, at: number, message: string, hint: string): never => {
    report(path.slice(0, 4), at, message, hint);
    throw new Abandoned();
  };

  try {
    const start = document.contents === null ? 0 : offsetOf(document.contents);
    return { value: convert(document.contents, [], start), origins, start };
  } catch (error) {
    if (error instanceof Abandoned) return undefined;
    throw error;
  }
}

/** Sets a field of any name, `__proto__` too, as the object's own. */
function define(target: Record<string, unknown>, key: string, value: unknown): void {
  Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
}

function isMergeKey({ key }: Pair): boolean {
  return isScalar(key) && key.value === "<<" && key.type === "PLAIN";
}

function offsetOf(node: unknown): number {
  return (node as Node | null)?.range?.[0] ?? 0;
}

/** Shown in place of a value that is not text. */
export function describeValue(value: unknown): string {
  if (value === null) return "nothing";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "string") return quote(value);
  return typeof value === "number" || typeof value === "boolean" ? String(value) : "a map";
}
