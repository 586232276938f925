import type { Fields } from "../fields.ts";
import { poolOf, sendRequest } from "../host/send-request.ts";
import { byShape, type Shape } from "../shapes.ts";
import { fail, fromFault, notApplicable, type Verdict } from "../verdict.ts";

/** What a row calls the state of the pool that a request finds, as far as it needs no queue. */
interface Situation {
  /** Endpoints of the pool. */
  readonly endpoints: number;
  readonly isSaturated: boolean;
}

/** Outcomes of the reference's queue that a pool without one has too, for a request of the priority. */
const situations: Readonly<Record<string, (priority: number) => Situation | undefined>> = {
  Dispatched: () => ({ endpoints: 1, isSaturated: false }),
  RejectedCapacity: (priority) => (priority < 0 ? { endpoints: 1, isSaturated: true } : undefined),
  RejectedNoEndpoints: (priority) => (priority < 0 ? undefined : { endpoints: 0, isSaturated: false }),
};

const outcomeShape: Shape = {
  given: ["outcome", "error?", "priority?", "pods?", "pool_empty?"],
  want: ["error_code", "drop_reason", "admitted?", "message_contains?"],
  run: compareOutcome,
};

/**
 * Outcomes of the reference's flow control, whose queue is refused. What holds without a queue is asked of admission by
 * saturation, which is what requests meet here.
 */
export const admission = byShape([
  outcomeShape,
  { given: ["scenario"], want: ["error_code", "drop_reason"], run: (given) => refuseQueue(given.string("scenario")) },
  {
    given: ["request_id", "fairness_id", "priority", "bytes"],
    want: ["flow_key", "initial_ttl"],
    run: () => refuseQueue("the key of a request's queue"),
  },
]);

async function compareOutcome(given: Fields, want: Fields): Promise<Verdict> {
  const outcome = given.string("outcome");
  const priority = given.has("priority") ? given.number("priority") : 0;
  const situation = Object.hasOwn(situations, outcome) ? situations[outcome]?.(priority) : undefined;
  if (situation === undefined) return refuseQueue(outcome);
  const answer = await ask(priority, situation);
  const code = want.has("error_code") ? want.string("error_code") : undefined;
  const reason = want.has("drop_reason") ? want.string("drop_reason") : undefined;
  const isAdmitted = answer.refusedCode === undefined;
  if (
    answer.refusedCode !== code ||
    answer.droppedReason !== reason ||
    want.boolean("admitted", isAdmitted) !== isAdmitted
  )
    return fail(`answered with ${answer.refusedCode ?? "a route"} ${answer.droppedReason ?? ""}`);
  const isTold = !want.has("message_contains") || answer.message.includes(want.string("message_contains"));
  return isTold ? fromFault(undefined) : refuseQueue(`it says "${want.string("message_contains")}"`);
}

/** A request under an objective of the priority, in front of a pool as full as told. */
function ask(priority: number, { endpoints, isSaturated }: Situation) {
  const load = isSaturated ? { waitingRequests: 1_000, kvCacheUsage: 1 } : {};
  const pool = poolOf(["192.168.1.1:8000"].slice(0, endpoints)).map((endpoint) => ({ ...endpoint, ...load }));
  return sendRequest(
    { body: { model: "m", prompt: "p" }, headers: { "x-llm-d-inference-objective": "of-the-case" } },
    { pool, sections: { objectives: [{ name: "of-the-case", priority }] } },
  );
}

function refuseQueue(detail: string): Verdict {
  return notApplicable("flow control", detail);
}
