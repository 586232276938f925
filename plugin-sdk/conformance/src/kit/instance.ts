import { columnKeys, dataKeys, type KeySpec, needKeys } from "@outrider/core/contract";
import { type HandshakeResponse, Role, type ScorerSpec } from "@outrider/protos/scorer";
import { CannotVerify } from "../rule.ts";

/** A need that was granted. */
export interface Granted {
  readonly key: string;
  /** 0: the host's limit. */
  readonly maxBytes: number;
  readonly names: readonly string[];
  /** 0: not asked for. */
  readonly blockSize: number;
}

/** A column by its number on the kit's connections. */
export interface NumberedColumn {
  readonly id: number;
  readonly key: string;
  readonly unit: string;
}

/** One type of the plugin, as the kit configures it. */
export interface TestedInstance {
  /** Instance.id; 0 at the level basic. */
  readonly id: number;
  readonly type: string;
  readonly role: "scorer" | "producer";
  /** `parameters:` as JSON; empty: none. */
  readonly parameters: string;
  /** What it is granted where a rule does not say otherwise. */
  readonly granted: readonly Granted[];
  /** Keys that it writes, with their `data.`; empty for a scorer. */
  readonly produces: readonly string[];
  /** Its calls are answered by tables that it sends. */
  readonly requestIndependent: boolean;
}

/** What decides which instances there are. */
export interface InstanceOptions {
  /** Only this type; default all that are served. */
  readonly type: string | undefined;
  /** `parameters:` as JSON; empty: none. */
  readonly parameters: string;
  /** Keys that are only granted by an operator. */
  readonly grant: readonly string[];
  /** What a plugin of the level basic gets. */
  readonly needs: readonly string[];
}

/** Names that stand for what the operator would have granted by name. */
const grantedNames: Readonly<Record<string, readonly string[]>> = {
  "request.headers": ["x-verify"],
  "events.headers": ["x-verify"],
};

/** Tokens in a prefix block where the plugin does not say. */
const defaultBlockSize = 64;

/**
 * The instances of a plugin that has shaken hands.
 * @throws {CannotVerify} where a type is not served, needs a grant, or parameters are given to several.
 */
export function toInstances({ scorers }: HandshakeResponse, options: InstanceOptions): readonly TestedInstance[] {
  const { type, parameters } = options;
  const chosen = scorers.filter((spec) => type === undefined || spec.type === type);
  const served = scorers.map((spec) => spec.type).join(", ");
  if (chosen.length === 0) throw new CannotVerify(`the plugin serves no type "${type}"; it serves ${served}`);
  if (parameters !== "" && chosen.length > 1)
    throw new CannotVerify(`--parameters needs --type: the plugin serves ${served}`);
  return chosen.map((spec, i) => toInstance(spec, i + 1, options));
}

/** The one instance of a plugin that knows `Score` alone. */
export function toBasicInstance({ type = "basic", needs }: InstanceOptions): TestedInstance {
  const granted = needs.map((key) => toGranted({ key, maxBytes: 0, names: [], blockSize: 0 }));
  return { id: 0, type, role: "scorer", parameters: "", granted, produces: [], requestIndependent: false };
}

function toInstance(spec: ScorerSpec, id: number, { parameters, grant }: InstanceOptions): TestedInstance {
  const refused = spec.needs.filter(({ key }) => !isGranted(key, grant));
  const missing = refused.filter(({ required }) => required).map(({ key }) => key);
  if (missing.length > 0) {
    const keys = missing.join(",");
    throw new CannotVerify(`type ${spec.type} cannot work without ${keys}: grant it with --grant ${keys}`);
  }
  const isProducer = spec.role === Role.PRODUCER;
  return {
    id,
    type: spec.type,
    role: isProducer ? "producer" : "scorer",
    parameters,
    granted: spec.needs.filter((need) => !refused.includes(need)).map(toGranted),
    produces: isProducer ? spec.produces.map((key) => `data.${key}`) : [],
    requestIndependent: spec.requestIndependent,
  };
}

function toGranted({ key, maxBytes, names, blockSize }: Granted): Granted {
  const isHashes = key === "request.block_hashes";
  return {
    key,
    maxBytes,
    names: names.length > 0 ? [...names] : (grantedNames[key] ?? []),
    blockSize: isHashes && blockSize === 0 ? defaultBlockSize : blockSize,
  };
}

function isGranted(key: string, grant: readonly string[]): boolean {
  if (!Object.hasOwn(needKeys, key)) return isColumnKey(key) || key.startsWith("data.");
  return needKeys[key as keyof typeof needKeys].grant !== "operator" || grant.includes(key);
}

/** Whether a key names a column of the endpoint table. */
export function isColumnKey(key: string): boolean {
  return Object.hasOwn(columnKeys, key) || key.startsWith("metric.") || key.startsWith("rate.");
}

/** Whether a key is one that a host knows. */
export function isKnownKey(key: string): boolean {
  return Object.hasOwn(needKeys, key) || isColumnKey(key) || /^data\../.test(key);
}

/** Whether a column changes with every decision, and so travels with the calls. */
export function isInflightKey(key: string): boolean {
  return key.startsWith("inflight_");
}

const known: Readonly<Record<string, KeySpec>> = { ...columnKeys, ...dataKeys };

/** Numbers of columns and data, the same on all of the kit's connections. */
export function numberColumns(instances: readonly TestedInstance[]): readonly NumberedColumn[] {
  const keys = new Set(Object.keys(columnKeys));
  for (const { granted, produces } of instances) {
    for (const { key } of granted) if (isColumnKey(key) || key.startsWith("data.")) keys.add(key);
    for (const key of produces) keys.add(key);
  }
  return Array.from(keys, (key, i) => ({ id: i + 1, key, unit: known[key]?.unit ?? "" }));
}

/** Keys of one kind among what an instance was granted. */
export function grantedKeys({ granted }: Pick<TestedInstance, "granted">, isWanted: (key: string) => boolean) {
  return granted.map(({ key }) => key).filter(isWanted);
}
