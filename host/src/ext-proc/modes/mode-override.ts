import { ProcessingMode_BodySendMode as BodySendMode } from "@outrider/protos/envoy-processing-mode";
import type { ModeOverride } from "../messages/answers.ts";
import type { AnnouncedModes } from "../messages/processing-request.ts";

/**
 * What to ask for with the answer to a request's headers, so that its body is shown before it goes to an endpoint.
 * Over its limit the gateway sends the beginning and goes on without the rest; BUFFERED would answer 413 there. A
 * STREAMED body is left as it is: a body of one message would look the same whether the gateway obeyed or not.
 */
export function overrideRequest(announced: AnnouncedModes | undefined, wantsBody: boolean): ModeOverride | undefined {
  if (announced === undefined || !isOpenToOverride(announced) || !wantsBody) return undefined;
  if (announced.requestBody !== BodySendMode.NONE) return undefined;
  return { requestBody: BodySendMode.BUFFERED_PARTIAL, responseBody: announced.responseBody };
}

/** What to ask for with the answer to a response's headers: its body only where it is wanted, and then always. */
export function overrideResponse(announced: AnnouncedModes | undefined, wantsBody: boolean): ModeOverride | undefined {
  if (announced === undefined || !isOpenToOverride(announced)) return undefined;
  const { requestBody, responseBody } = announced;
  if (wantsBody === (responseBody !== BodySendMode.NONE)) return undefined;
  return { requestBody, responseBody: wantsBody ? BodySendMode.STREAMED : BodySendMode.NONE };
}

/** Gateways ignore an override where either body is exchanged in full duplex. */
function isOpenToOverride({ requestBody, responseBody }: AnnouncedModes): boolean {
  return requestBody !== BodySendMode.FULL_DUPLEX_STREAMED && responseBody !== BodySendMode.FULL_DUPLEX_STREAMED;
}
