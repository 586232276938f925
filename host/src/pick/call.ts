import { createConnectRouter, createContextValues, type ServiceImpl } from "@connectrpc/connect";
import type { UniversalHandler } from "@connectrpc/connect/protocol";
import { universalRequestFromNodeRequest, universalResponseToNodeResponse } from "@connectrpc/connect-node";
import { PickerService } from "@outrider/protos/picker";
import type { Guarded } from "../doors/deadlines.ts";
import type { Refusal } from "../scheduling/types.ts";
import { outcomeOf, toConnectError } from "./errors.ts";
import { joinAnswer, splitCall } from "./json-body.ts";
import type { AnyRequest, AnyResponse } from "./listener.ts";
import type { PickMetrics } from "./metrics.ts";
import type { OpenPicks } from "./open-picks.ts";
import { type ReceiveParts, receiveBody } from "./receive-body.ts";
import { type CallState, callState, createCallState } from "./service.ts";

/** What calls are answered with. */
export interface CallParts extends ReceiveParts {
  readonly service: ServiceImpl<typeof PickerService>;
  /** Longest time from a call's first byte to the last one of its answer, in ms. */
  readonly maxCallMs: number;
  readonly picks: OpenPicks;
  readonly metrics: PickMetrics;
}

/** Answers a call; false, and nothing is answered, where the path names no procedure. */
export type CallHandler = (path: string, request: AnyRequest, response: AnyResponse) => boolean;

/** Puts procedures behind Connect, gRPC and gRPC-Web, each call held until it is whole. */
export function createCallHandler(parts: CallParts): CallHandler {
  const router = createConnectRouter({ acceptCompression: [] });
  router.service(PickerService, parts.service);
  const procedures = new Map(router.handlers.map((procedure) => [procedure.requestPath, procedure]));
  return (path, request, response) => {
    const procedure = procedures.get(path);
    if (procedure === undefined) return false;
    answer(procedure, request, response, parts).catch(() => {
      if (!response.headersSent) response.statusCode = 400;
      response.end();
    });
    return true;
  };
}

/** Connect's own JSON, and not that of gRPC-Web. */
const json = "application/json";

async function answer(
  procedure: UniversalHandler,
  request: AnyRequest,
  response: AnyResponse,
  parts: CallParts,
): Promise<void> {
  const state = watch(response, parts);
  state.isJsonPick = procedure.method.name === "Pick" && request.headers["content-type"]?.startsWith(json) === true;
  const body = await receiveBody(request, parts);
  if (body === undefined) return;
  response.on("close", body.release);
  const message = "kind" in body.content ? body.content : unpack(body.content, state);
  if ("kind" in message) {
    parts.metrics.answered(procedure.method.name === "Pick" ? "pick" : "complete", outcomeOf(message));
  }
  const values = createContextValues().set(callState, state);
  const call = universalRequestFromNodeRequest(request, response, undefined, values);
  call.header.delete("content-length");
  const made = await procedure({ ...call, body: toStream(message) });
  const whole = state.answerBody === undefined ? made : await joinAnswer(made, state.answerBody);
  await universalResponseToNodeResponse(whole, response);
}

/** Ends a call that takes too long, and undoes the pick of one whose answer does not get out. */
function watch(response: AnyResponse, { picks, sweep, maxCallMs }: CallParts): CallState {
  const state = createCallState();
  const sink = "stream" in response ? response.stream : response;
  const guard: Guarded = { dueMs: 0, overdue: () => void sink.destroy() };
  sweep.add(guard, maxCallMs);
  response.on("close", () => {
    sweep.remove(guard);
    if (!sink.writableFinished && state.decisionId !== undefined) picks.take(state.decisionId)?.end("never_sent");
  });
  return state;
}

/** The message of a call, its body beside it where that is quicker. */
function unpack(content: Uint8Array, state: CallState): Uint8Array {
  const split = state.isJsonPick ? splitCall(content) : undefined;
  state.body = split?.body;
  return split?.message ?? content;
}

/** A message as Connect reads one; a refusal is thrown inside, where Connect makes the answer of it. */
async function* toStream(message: Uint8Array | Refusal): AsyncGenerator<Uint8Array> {
  if ("kind" in message) throw toConnectError(message);
  yield message;
}
