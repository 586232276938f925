import {
  ProcessingMode_BodySendMode as BodySendMode,
  ProcessingMode_BodySendModeSchema as bodySendModes,
} from "@outrider/protos/envoy-processing-mode";
import { refuse } from "../../scheduling/refusals.ts";
import type { Refusal } from "../../scheduling/types.ts";
import type { AnnouncedModes } from "../messages/processing-request.ts";
import { bufferedRequest, bufferedResponse, partialRequest, partialResponse, streamedResponse } from "./buffered.ts";
import { fullDuplexRequest, fullDuplexResponse } from "./full-duplex.ts";
import { hiddenRequest, hiddenResponse, streamedRequest } from "./headers-only.ts";
import type { RequestMode } from "./request-mode.ts";
import type { ResponseMode } from "./response-mode.ts";
import { unknownResponse, unsureRequest, waitingRequest } from "./unannounced.ts";
import type { UnannouncedBodyMode } from "./unannounced-body-mode.ts";

/** How the bodies of one stream are exchanged, each way. */
export interface Modes {
  readonly kind: "modes";
  readonly request: RequestMode;
  readonly response: ResponseMode;
}

/** What gateways that announce nothing have been seen to do: send the body at once, or wait for an answer. */
export type SeenBehaviour = "nothing" | "full-duplex" | "waiting";

const requestModes: ReadonlyMap<number, RequestMode> = new Map([
  [BodySendMode.NONE, hiddenRequest],
  [BodySendMode.STREAMED, streamedRequest],
  [BodySendMode.BUFFERED, bufferedRequest],
  [BodySendMode.BUFFERED_PARTIAL, partialRequest],
  [BodySendMode.FULL_DUPLEX_STREAMED, fullDuplexRequest],
]);
const responseModes: ReadonlyMap<number, ResponseMode> = new Map([
  [BodySendMode.NONE, hiddenResponse],
  [BodySendMode.STREAMED, streamedResponse],
  [BodySendMode.BUFFERED, bufferedResponse],
  [BodySendMode.BUFFERED_PARTIAL, partialResponse],
  [BodySendMode.FULL_DUPLEX_STREAMED, fullDuplexResponse],
]);

/** All pairs there are, so that a stream makes none. */
const announcedModes: ReadonlyMap<number, Modes> = new Map(
  [...requestModes].flatMap(([requestBody, request]) =>
    [...responseModes].map(([responseBody, response]) => [
      pairKey({ requestBody, responseBody }),
      { kind: "modes", request, response },
    ]),
  ),
);
const forcedModes: Readonly<Record<Exclude<UnannouncedBodyMode, "auto">, Modes>> = {
  "full-duplex": { kind: "modes", request: fullDuplexRequest, response: fullDuplexResponse },
  buffered: { kind: "modes", request: bufferedRequest, response: unknownResponse },
  streamed: { kind: "modes", request: waitingRequest, response: unknownResponse },
  none: { kind: "modes", request: hiddenRequest, response: hiddenResponse },
};
const guessedModes: Readonly<Record<SeenBehaviour, Modes>> = {
  nothing: { kind: "modes", request: unsureRequest, response: fullDuplexResponse },
  "full-duplex": forcedModes["full-duplex"],
  waiting: { kind: "modes", request: unsureRequest, response: unknownResponse },
};

/**
 * The modes that answer a stream, or why it cannot be answered.
 * @param announced `protocol_config` of the first message.
 * @param hasBody whether the request goes on behind its headers; if not, its mode does not matter.
 * @param unannounced what counts for gateways that announce nothing; `seen` is what `auto` goes by.
 */
export function chooseModes(
  announced: AnnouncedModes | undefined,
  hasBody: boolean,
  unannounced: UnannouncedBodyMode,
  seen: SeenBehaviour,
): Modes | Refusal {
  if (announced === undefined) return unannounced === "auto" ? guessedModes[seen] : forcedModes[unannounced];
  const { requestBody, responseBody } = announced;
  const isKnown = requestModes.has(requestBody);
  if (hasBody && !isKnown) return unsupported("request_body_mode", requestBody);
  if (!responseModes.has(responseBody)) return unsupported("response_body_mode", responseBody);
  const key = pairKey(isKnown ? announced : { requestBody: BodySendMode.NONE, responseBody });
  return announcedModes.get(key) as Modes;
}

function pairKey({ requestBody, responseBody }: AnnouncedModes): number {
  return requestBody * 100 + responseBody;
}

function unsupported(field: string, mode: number): Refusal {
  const name = bodySendModes.values.find(({ number }) => number === mode)?.name ?? String(mode);
  return refuse("Internal", `${field} ${name} is not supported by the endpoint picker: set it to FULL_DUPLEX_STREAMED`);
}
