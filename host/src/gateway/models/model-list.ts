import { refuse } from "../../scheduling/refusals.ts";
import type { Refusal } from "../../scheduling/types.ts";
import type { GatewayMetrics } from "../metrics.ts";
import type { Upstream } from "../upstream/types.ts";
import { askModels, type ModelCard, type ModelsReply } from "./ask-models.ts";

/** How long a list is good for, in ms, so that clients that poll do not multiply. */
const freshMs = 1000;
/** Longest time a model server has to list its models, in ms. */
const timeoutMs = 2000;
/** Longest list of one model server that is read, in bytes. */
const maxBytes = 1024 * 1024;
/** Lists kept or under way at once, one for each `authorization` of clients. */
const maxLists = 64;

/** The models of all model servers, by id. */
export interface Models {
  readonly kind: "models";
  /** In the order of their ids. */
  readonly byId: ReadonlyMap<string, ModelCard>;
}

/** The models of all model servers together. */
export interface ModelList {
  /**
   * Asks all ready model servers at once; those that do not answer, or not with a list, are left out. Who asks within a
   * second of another gets the same answer.
   * @param authorization the client's header, which model servers may demand; `undefined` = none.
   */
  read(authorization: string | undefined): Promise<Models | Refusal>;
}

/** What a list is made of. */
export interface ModelListParts {
  /** `ip:port` of the model servers that are ready. */
  readonly endpoints: () => readonly string[];
  readonly upstream: Upstream;
  readonly metrics: Pick<GatewayMetrics, "modelsAsked">;
  /** Monotonic clock, in ms. */
  readonly nowMs: () => number;
}

/** A list under way, or one that was read. */
interface Entry {
  readonly result: Promise<Models | Refusal>;
  /** When it was read; `Infinity` while it is under way. */
  readAtMs: number;
}

/** One list for each `authorization`, kept for a moment. */
export function createModelList({ endpoints, upstream, metrics, nowMs }: ModelListParts): ModelList {
  const entries = new Map<string, Entry>();

  const collect = async (authorization: string | undefined): Promise<Models | Refusal> => {
    const asked = endpoints();
    const replies = await Promise.all(
      asked.map((endpoint) => askModels(upstream, { endpoint, authorization, timeoutMs, maxBytes })),
    );
    for (const { kind } of replies) metrics.modelsAsked(kind === "listed" ? "answered" : "failed");
    return merge(asked, replies);
  };
  const dropStale = () => {
    for (const [key, { readAtMs }] of entries) if (nowMs() - readAtMs >= freshMs) entries.delete(key);
  };
  return {
    read(authorization) {
      dropStale();
      const key = authorization ?? "";
      const known = entries.get(key);
      if (known !== undefined) return known.result;
      if (entries.size >= maxLists) return Promise.resolve(tooManyLists());
      const entry: Entry = { result: collect(authorization), readAtMs: Number.POSITIVE_INFINITY };
      void entry.result.then(() => {
        entry.readAtMs = nowMs();
      });
      entries.set(key, entry);
      return entry.result;
    },
  };
}

/** The first endpoint that names a model says what it is. */
function merge(endpoints: readonly string[], replies: readonly ModelsReply[]): Models | Refusal {
  const cards = new Map<string, ModelCard>();
  let hasAnswer = false;
  for (const reply of replies) {
    if (reply.kind === "failed") continue;
    hasAnswer = true;
    for (const card of reply.cards) if (!cards.has(card.id)) cards.set(card.id, card);
  }
  if (!hasAnswer) return refuse("ServiceUnavailable", unanswered(endpoints, replies));
  const sorted = [...cards].sort(([a], [b]) => (a < b ? -1 : 1));
  return { kind: "models", byId: new Map(sorted) };
}

function unanswered(endpoints: readonly string[], replies: readonly ModelsReply[]): string {
  const [first] = replies;
  if (first === undefined) return "there is no model server to ask for its models";
  return `no model server lists its models; ${endpoints[0]}: ${first.kind === "failed" ? first.reason : ""}`;
}

function tooManyLists(): Refusal {
  return { ...refuse("ResourceExhausted", "too many lists of models are asked for at once"), retryAfterS: 1 };
}
