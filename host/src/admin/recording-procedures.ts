import { setImmediate as nextTurn } from "node:timers/promises";
import { Code, ConnectError, type HandlerContext, type ServiceImpl } from "@connectrpc/connect";
import type { AdminService, WatchDecisionsRequest } from "@outrider/protos/admin";
import type { Record as RecordEntry } from "@outrider/protos/record";
import type { DecisionFeed, FeedWishes } from "../record/decision-feed.ts";
import { type DecisionFeeds, maxFeeds } from "../record/decision-feeds.ts";

/** What decisions are recorded by. */
export interface RecordingSource {
  readonly feeds: Pick<DecisionFeeds, "open">;
  /** Whether the operator allows prompt text and token ids in recordings. */
  readonly keepsPrompts: boolean;
}

/** Procedures that record decisions. */
export function createRecordingProcedures(
  source: RecordingSource,
): Pick<ServiceImpl<typeof AdminService>, "watchDecisions"> {
  return { watchDecisions: (request, context) => watchDecisions(request, context, source) };
}

async function* watchDecisions(
  request: WatchDecisionsRequest,
  { signal }: HandlerContext,
  { feeds, keepsPrompts }: RecordingSource,
) {
  const feed = feeds.open(toWishes(request, keepsPrompts));
  if (feed === undefined) {
    throw new ConnectError(`${maxFeeds} recordings are being made already`, Code.ResourceExhausted);
  }
  const end = () => feed.end();
  signal.addEventListener("abort", end, { once: true });
  try {
    yield* readFeed(feed, request.limit === 0 ? Number.POSITIVE_INFINITY : request.limit);
  } finally {
    feed.end();
  }
}

/** @param limit decisions at most. */
async function* readFeed(feed: DecisionFeed, limit: number) {
  let left = limit;
  for (let records = await feed.next(); records.length > 0; records = await feed.next()) {
    const last = records.findIndex((record) => isDecision(record) && --left <= 0);
    yield { records: last < 0 ? [...records] : records.slice(0, last + 1), dropped: feed.dropped };
    if (last >= 0) return;
    await nextTurn();
  }
}

function isDecision({ entry }: RecordEntry): boolean {
  return entry.case === "decision";
}

function toWishes({ sample, promptText, tokenIds }: WatchDecisionsRequest, keepsPrompts: boolean): FeedWishes {
  if (!(sample >= 0 && sample <= 1)) {
    throw new ConnectError(`sample must be from 0 to 1, is ${sample}`, Code.InvalidArgument);
  }
  if ((promptText || tokenIds) && !keepsPrompts) {
    const message = "prompts are recorded only of a host that was started with --record-prompts";
    throw new ConnectError(message, Code.PermissionDenied);
  }
  return { sample: sample === 0 ? 1 : sample, promptText, tokenIds };
}
