import { createConnectRouter, createContextValues, type ServiceImpl } from "@connectrpc/connect";
import type { UniversalHandler } from "@connectrpc/connect/protocol";
import { universalRequestFromNodeRequest, universalResponseToNodeResponse } from "@connectrpc/connect-node";
import { PickerService } from "@outrider/protos/picker";
import type { Guarded } from "../doors/deadlines.ts";
import { outcomeOf, toConnectError } from "./errors.ts";
import type { AnyRequest, AnyResponse } from "./listener.ts";
import type { PickMetrics } from "./metrics.ts";
import type { OpenPicks } from "./open-picks.ts";
import { type ReceivedBody, type ReceiveParts, receiveBody } from "./receive-body.ts";
import { type CallState, callState } from "./service.ts";

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

async function answer(
  procedure: UniversalHandler,
  request: AnyRequest,
  response: AnyResponse,
  parts: CallParts,
): Promise<void> {
  const state = watch(response, parts);
  const body = await receiveBody(request, parts);
  if (body === undefined) return;
  response.on("close", body.release);
  if ("kind" in body.content) {
    parts.metrics.answered(procedure.method.name === "Pick" ? "pick" : "complete", outcomeOf(body.content));
  }
  const call = universalRequestFromNodeRequest(
    request,
    response,
    undefined,
    createContextValues().set(callState, state),
  );
  const made = await procedure({ ...call, body: toStream(body) });
  await universalResponseToNodeResponse(made, response);
}

/** Ends a call that takes too long, and undoes the pick of one whose answer does not get out. */
function watch(response: AnyResponse, { picks, sweep, maxCallMs }: CallParts): CallState {
  const state: CallState = { decisionId: undefined };
  const sink = "stream" in response ? response.stream : response;
  const guard: Guarded = { dueMs: 0, overdue: () => void sink.destroy() };
  sweep.add(guard, maxCallMs);
  response.on("close", () => {
    sweep.remove(guard);
    if (!sink.writableFinished && state.decisionId !== undefined) picks.take(state.decisionId)?.end("never_sent");
  });
  return state;
}

/** A body as Connect reads one; a refusal is thrown inside, where Connect makes the answer of it. */
async function* toStream({ content }: ReceivedBody): AsyncGenerator<Uint8Array> {
  if ("kind" in content) throw toConnectError(content);
  yield content;
}
