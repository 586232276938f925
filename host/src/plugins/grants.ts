import { columnKeys, type Need, type NeedKey, needKeys } from "@outrider/core/contract";

/** What one plugin asked for and gets, and what not. */
export interface Grants {
  /** Narrowed to what the operator allows; each key once. */
  readonly granted: readonly Need[];
  /** Asked for and refused. */
  readonly denied: readonly DeniedNeed[];
}

/** A need that the plugin does not get. */
export interface DeniedNeed {
  readonly key: string;
  /** Whether the plugin says that it cannot work without it. */
  readonly required: boolean;
  /** Why, and what to write where to allow it. */
  readonly message: string;
}

/** Where a need can be granted: its plugin's place in the configuration and what stands there. */
export interface GrantPolicy {
  /** Path of the plugin in the configuration, such as `plugins[2]`. */
  readonly path: string;
  /** What the operator grants. */
  readonly grant: readonly Need[];
  /** Whether asking is enough for every key: first-party types placed inline or in a worker. */
  readonly trusted: boolean;
  /** Block size in force for `request.block_hashes`, because another plugin was granted it; `undefined` = none yet. */
  readonly blockSizeTokens: number | undefined;
}

/** Tokens in one prefix block where nobody says otherwise. */
export const defaultBlockSizeTokens = 64;

type GrantRule = "always" | "asked" | "operator" | "unknown";

const openFamilies = ["metric.", "rate.", "data."];
const namedKeys: ReadonlySet<string> = new Set(["request.headers", "events.headers"]);

/** Asked ∩ (always ∪ granted on asking ∪ granted by the operator). */
export function grantNeeds(asked: readonly (NeedKey | Need)[], policy: GrantPolicy): Grants {
  const grants = { granted: [] as Need[], denied: [] as DeniedNeed[] };
  for (const need of mergeNeeds(asked.map(toNeed))) {
    const answer = grantNeed(need, policy);
    if (answer.kind === "granted") grants.granted.push(answer.need);
    else grants.denied.push({ key: need.key, required: need.required === true, message: answer.message });
  }
  return withoutLoneAnswers(grants, policy.path);
}

/** Who may not see the hashes of prompts may not see those of answers: they stand in the next prompt. */
function withoutLoneAnswers({ granted, denied }: Grants, path: string): Grants {
  const answers = granted.find(({ key }) => key === "events.answer_blocks");
  if (answers === undefined || granted.some(({ key }) => key === "request.block_hashes")) return { granted, denied };
  const message = `${answers.key} comes with request.block_hashes alone: ask for it too, and have it granted at ${path}`;
  return {
    granted: granted.filter((need) => need !== answers),
    denied: [...denied, { key: answers.key, required: answers.required === true, message }],
  };
}

/** One need per key: names joined, the largest limits, required where one of them is. */
export function mergeNeeds(needs: readonly Need[]): readonly Need[] {
  const merged = new Map<string, Need>();
  for (const need of needs) {
    const before = merged.get(need.key);
    merged.set(need.key, before === undefined ? need : joinNeeds(before, need));
  }
  return [...merged.values()];
}

/** A bare key stands for a need without conditions. */
export function toNeed(need: NeedKey | Need): Need {
  return typeof need === "string" ? { key: need } : need;
}

function joinNeeds(a: Need, b: Need): Need {
  const names = a.names === undefined && b.names === undefined ? undefined : joinNames(a, b);
  const maxBytes = a.maxBytes === undefined || b.maxBytes === undefined ? undefined : Math.max(a.maxBytes, b.maxBytes);
  const blockSizeTokens = a.blockSizeTokens ?? b.blockSizeTokens;
  return {
    key: a.key,
    ...(a.required || b.required ? { required: true } : {}),
    ...(names === undefined ? {} : { names }),
    ...(maxBytes === undefined ? {} : { maxBytes }),
    ...(blockSizeTokens === undefined ? {} : { blockSizeTokens }),
  };
}

function joinNames(a: Need, b: Need): readonly string[] {
  return [...new Set([...(a.names ?? []), ...(b.names ?? [])])];
}

type Answer = { readonly kind: "granted"; readonly need: Need } | { readonly kind: "denied"; readonly message: string };

function grantNeed(need: Need, policy: GrantPolicy): Answer {
  const rule = ruleOf(need.key);
  if (rule === "unknown") return denied(`${need.key} is nothing this host knows`);
  const given = policy.grant.filter(({ key }) => key === need.key);
  if (rule === "operator" && !policy.trusted && given.length === 0) return denied(remedy(need, policy.path));
  const allowed = given.length === 0 || rule !== "operator" ? undefined : mergeNeeds(given)[0]!;
  const sized = need.key === "request.block_hashes" ? sizeBlocks(need, allowed, policy) : granted(need);
  return sized.kind === "denied" || allowed === undefined ? sized : narrow(sized.need, allowed, policy.path);
}

function granted(need: Need): Answer {
  return { kind: "granted", need };
}

function denied(message: string): Answer {
  return { kind: "denied", message };
}

/** The host hashes a prompt in blocks of one size: the first that is granted is in force for all. */
function sizeBlocks(need: Need, allowed: Need | undefined, { path, blockSizeTokens: inForce }: GrantPolicy): Answer {
  const asked = need.blockSizeTokens ?? allowed?.blockSizeTokens ?? inForce ?? defaultBlockSizeTokens;
  const wanted = `${need.key} is asked for with blocks of ${asked} tokens`;
  if (allowed?.blockSizeTokens !== undefined && allowed.blockSizeTokens !== asked) {
    return denied(
      `${wanted} and granted with ${allowed.blockSizeTokens}: write "blockSize: ${asked}" at ${path}.grant`,
    );
  }
  if (inForce !== undefined && inForce !== asked) {
    return denied(`${wanted}, and another plugin has the prompt hashed by ${inForce}: choose one size for both`);
  }
  return granted({ ...need, blockSizeTokens: asked });
}

function ruleOf(key: string): GrantRule {
  if (Object.hasOwn(needKeys, key)) return needKeys[key as keyof typeof needKeys].grant;
  if (Object.hasOwn(columnKeys, key)) return "asked";
  return openFamilies.some((family) => key.startsWith(family) && key.length > family.length) ? "asked" : "unknown";
}

function narrow(need: Need, allowed: Need, path: string): Answer {
  const maxBytes = Math.min(need.maxBytes ?? Infinity, allowed.maxBytes ?? Infinity);
  const names = namedKeys.has(need.key) ? sharedNames(need, allowed) : need.names;
  if (namedKeys.has(need.key) && names!.length === 0) return denied(remedy(need, path));
  return granted({
    ...need,
    ...(names === undefined ? {} : { names }),
    ...(maxBytes === Infinity ? {} : { maxBytes }),
  });
}

function sharedNames(need: Need, allowed: Need): readonly string[] {
  return (need.names ?? []).filter((name) => allowed.names?.includes(name));
}

function remedy(need: Need, path: string): string {
  const entry = namedKeys.has(need.key) ? `{ key: ${need.key}, names: [${(need.names ?? []).join(", ")}] }` : need.key;
  return `${need.key} is only granted by the operator: write "grant: [${entry}]" at ${path}`;
}
