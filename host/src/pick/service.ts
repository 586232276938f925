import type { MessageInitShape } from "@bufbuild/protobuf";
import { Code, ConnectError, createContextKey, type HandlerContext, type ServiceImpl } from "@connectrpc/connect";
import type { PickerService, PickResponseSchema } from "@outrider/protos/picker";
import type { DeadlineSweep, Guarded } from "../doors/deadlines.ts";
import type { DoorLimits } from "../doors/limits.ts";
import { overdue, tooManyRequests } from "../doors/refusals.ts";
import { isControlHeader } from "../scheduling/control-headers.ts";
import { refuse } from "../scheduling/refusals.ts";
import type { IncomingRequest, Refusal, Routed, Scheduler } from "../scheduling/types.ts";
import { type CallFault, outcomeOf, toConnectError } from "./errors.ts";
import type { PickCall, PickMetrics } from "./metrics.ts";
import type { OpenPicks } from "./open-picks.ts";
import { readCompletion } from "./read-completion.ts";
import { readPick } from "./read-pick.ts";

/** What the procedures work with. */
export interface PickServiceParts {
  readonly scheduler: Scheduler;
  readonly picks: OpenPicks;
  readonly limits: DoorLimits;
  readonly metrics: PickMetrics;
  readonly sweep: DeadlineSweep;
  /** Guard behind the scheduler's own budget, in ms. */
  readonly decisionMs: number;
  /** Whether new picks are refused. */
  readonly isDraining: () => boolean;
}

/** One call on its connection. */
export interface CallState {
  /** Pick whose answer is on its way; undone where it does not arrive. */
  decisionId: string | undefined;
  /** Whether the bodies of requests go beside the messages, since these are JSON. */
  isJsonPick: boolean;
  /** Body that belongs into the message. */
  body: Uint8Array | undefined;
  /** Body that belongs into the answer. */
  answerBody: Uint8Array | undefined;
}

/** A call of which nothing is known. */
export function createCallState(): CallState {
  return { decisionId: undefined, isJsonPick: false, body: undefined, answerBody: undefined };
}

/** Where the procedures find the state of their call. */
export const callState = createContextKey<CallState>(createCallState());

const destinationHeader = "x-gateway-destination-endpoint";

/** The procedures of `outrider.picker.v1.PickerService`. */
export function createPickService(parts: PickServiceParts): ServiceImpl<typeof PickerService> {
  const { picks, metrics, limits } = parts;
  const decline = (call: PickCall, refused: Refusal | CallFault): never => {
    metrics.answered(call, outcomeOf(refused));
    throw toConnectError(refused);
  };
  return {
    async pick(message, context) {
      if (parts.isDraining()) return decline("pick", shuttingDown);
      const state = context.values.get(callState);
      if (state.body !== undefined) message.content = { case: "body", value: state.body };
      const request = readPick(message, limits);
      if ("kind" in request) return decline("pick", request);
      if (!picks.reserve()) return decline("pick", tooManyRequests(limits.maxOpenRequests));
      const decision = await decideInTime(request, parts, context.signal);
      if (decision?.kind === "routed" && !context.signal.aborted) {
        picks.add(decision);
        state.decisionId = decision.decisionId;
        metrics.answered("pick", "ok");
        return toResponse(decision, request, state);
      }
      picks.giveBack();
      if (decision?.kind === "refused") return decline("pick", decision);
      decision?.end("never_sent");
      return abandon(metrics, context);
    },
    complete(message) {
      const completion = readCompletion(message);
      if (completion.kind === "fault") return decline("complete", completion);
      const routed = picks.take(message.decisionId);
      if (routed === undefined) return decline("complete", notOpen(message.decisionId));
      routed.report(completion.response);
      routed.end(completion.cause);
      metrics.reported(completion.response.usage);
      metrics.answered("complete", "ok");
      return {};
    },
  };
}

const shuttingDown = refuse("ServiceUnavailable", "the endpoint picker is shutting down", "rejected-shutting-down");

function notOpen(decisionId: string): Refusal {
  return refuse("NotFound", `no pick ${decisionId.slice(0, 100)} waits for its completion`);
}

/** Nobody waits for the answer any more. */
function abandon(metrics: PickMetrics, { signal }: HandlerContext): never {
  metrics.answered("pick", "cancelled");
  throw signal.reason instanceof ConnectError
    ? signal.reason
    : new ConnectError("the call was cancelled", Code.Canceled);
}

/** A decision, a refusal where it takes too long, or nothing where the caller leaves; a late decision is undone. */
function decideInTime(
  request: IncomingRequest,
  { scheduler, sweep, decisionMs }: PickServiceParts,
  signal: AbortSignal,
): Routed | Refusal | Promise<Routed | Refusal | undefined> {
  const decision = scheduler.decide(request);
  if (!(decision instanceof Promise)) return decision;
  return new Promise((resolve) => {
    let isSettled = false;
    const settle = (made: Routed | Refusal | undefined) => {
      isSettled = true;
      sweep.remove(guard);
      signal.removeEventListener("abort", leave);
      resolve(made);
    };
    const leave = () => settle(undefined);
    const guard: Guarded = { dueMs: 0, overdue: () => settle(overdue("deciding")) };
    sweep.add(guard, decisionMs);
    signal.addEventListener("abort", leave);
    if (signal.aborted) leave();
    void decision.then((made) => {
      if (!isSettled) settle(made);
      else if (made.kind === "routed") made.end("never_sent");
    });
  });
}

function toResponse(
  { decisionId, destinations, setHeaders, removeHeaders, setResponseHeaders, rewrite }: Routed,
  request: Pick<IncomingRequest, "header">,
  state: CallState,
): MessageInitShape<typeof PickResponseSchema> {
  const body = rewrite?.body === undefined ? undefined : Buffer.concat(rewrite.body);
  rewrite?.releaseBody();
  if (state.isJsonPick) state.answerBody = body;
  return {
    decisionId,
    endpoints: [...destinations],
    headers: [{ name: destinationHeader, value: destinations.join(",") }, ...setHeaders.map(toHeader)],
    model: rewrite?.model ?? "",
    // A header that decides where else a request goes must not pass, whether the gateway has shown it or not.
    removeHeaders: removeHeaders.filter((name) => !isControlHeader(name) || request.header(name) !== undefined),
    responseHeaders: setResponseHeaders.map(toHeader),
    ...(body === undefined || state.isJsonPick ? {} : { body }),
  };
}

function toHeader([name, value]: readonly [name: string, value: string]): { name: string; value: string } {
  return { name: name.toLowerCase(), value };
}
