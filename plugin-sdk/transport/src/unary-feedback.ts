import { toJsonString } from "@bufbuild/protobuf";
import {
  type PushFeedbackRequest,
  PushFeedbackRequestSchema,
  PushFeedbackResponseSchema,
} from "@outrider/protos/scorer";
import type { UnaryCaller } from "./unary-pool.ts";
import { readReply } from "./unary-replies.ts";

/** Deadline of the contract, in ms. */
const feedbackMs = 2_000;

/** Pushes that wait for the one under way; more are dropped and counted. */
const mostWaiting = 8;

/** Feedback as unary calls: one after the other, so that events keep their order. */
export interface UnaryFeedback {
  /** Sends events, sooner or later; what is lost is counted in the next push's `dropped`. */
  push(request: PushFeedbackRequest): void;
  /** Settles when nothing is on its way. */
  settled(): Promise<void>;
}

/** @param failed told of each push that did not arrive. */
export function createUnaryFeedback(pool: UnaryCaller, failed: (cause: unknown) => void): UnaryFeedback {
  let waiting: PushFeedbackRequest[] = [];
  let lost = 0;
  let last: Promise<void> | undefined;

  const send = async (request: PushFeedbackRequest): Promise<void> => {
    const reported = lost;
    const json = toJsonString(PushFeedbackRequestSchema, { ...request, dropped: request.dropped + reported });
    try {
      const reply = await pool.call("PushFeedback", json, { budgetMs: feedbackMs, patienceMs: feedbackMs });
      readReply(PushFeedbackResponseSchema, reply);
      lost -= reported;
    } catch (cause) {
      lost += request.events.length + request.dropped;
      failed(cause);
    }
  };
  const run = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await send(next);
    last = undefined;
  };

  return {
    push(request) {
      if (waiting.length >= mostWaiting) {
        lost += request.events.length + request.dropped;
        return;
      }
      waiting = [...waiting, request];
      last ??= run();
    },
    settled: () => last ?? Promise.resolve(),
  };
}
