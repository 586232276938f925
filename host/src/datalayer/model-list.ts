import type { ScrapeFault } from "./scrape-fault.ts";

/** What a model server serves, by its answer to `/v1/models`. */
export interface ModelList {
  /** Ids without a parent. */
  readonly models: readonly string[];
  /** Ids with a parent: adapters that are loaded. */
  readonly adapters: readonly string[];
  /** `ADAPTER=MODEL` of each adapter. */
  readonly bases: readonly string[];
}

/** Longest list, and longest name in it: plugins get all of them. */
const limits = { models: 4_096, nameLength: 512 } as const;

/** Reads the answer of a model server, or says what is wrong with it. */
export function parseModelList(page: Buffer): ModelList | ScrapeFault {
  const entries = readEntries(page);
  if (entries === undefined) return invalid(`no list of models among ${page.length} bytes`);
  if (entries.length > limits.models) return invalid(`a list of ${entries.length} models: at most ${limits.models}`);
  const models: string[] = [];
  const adapters: string[] = [];
  const bases: string[] = [];
  for (const [i, entry] of entries.entries()) {
    const { id, parent } = (entry ?? {}) as { readonly id?: unknown; readonly parent?: unknown };
    if (!isName(id)) return invalid(`entry ${i} of the list of models has no id`);
    if (parent === undefined || parent === null || parent === "") models.push(id);
    else if (isName(parent)) {
      adapters.push(id);
      bases.push(`${id}=${parent}`);
    } else return invalid(`${JSON.stringify(id)} in the list of models has a parent that is no name`);
  }
  return { models, adapters, bases };
}

function readEntries(page: Buffer): readonly unknown[] | undefined {
  try {
    const { data } = JSON.parse(page.toString("utf8")) as { readonly data?: unknown };
    return Array.isArray(data) ? data : undefined;
  } catch {
    return undefined;
  }
}

function isName(value: unknown): value is string {
  return typeof value === "string" && value.length > 0 && value.length <= limits.nameLength;
}

function invalid(detail: string): ScrapeFault {
  return { reason: "invalid", detail };
}
