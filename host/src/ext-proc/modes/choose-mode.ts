import {
  ProcessingMode_BodySendMode as BodySendMode,
  ProcessingMode_BodySendModeSchema as bodySendModes,
} from "@outrider/protos/envoy-processing-mode";
import { refuse } from "../../scheduling/refusals.ts";
import type { Refusal } from "../../scheduling/types.ts";
import type { AnnouncedModes } from "../messages/processing-request.ts";
import type { BodyMode } from "./body-mode.ts";
import { fullDuplex, fullDuplexRequest } from "./full-duplex.ts";

/** What comes of the modes a gateway announces. */
export type ChosenMode = { readonly kind: "mode"; readonly mode: BodyMode } | Refusal;

const chosenFullDuplex: ChosenMode = { kind: "mode", mode: fullDuplex };
const chosenFullDuplexRequest: ChosenMode = { kind: "mode", mode: fullDuplexRequest };

/**
 * The mode that answers a stream, or why it cannot be answered.
 * @param announced `protocol_config` of the first message; gateways that send none use FULL_DUPLEX_STREAMED.
 * @param hasBody whether the request goes on behind its headers; if not, its mode does not matter.
 */
export function chooseMode(announced: AnnouncedModes | undefined, hasBody: boolean): ChosenMode {
  if (announced === undefined) return chosenFullDuplex;
  const { requestBody, responseBody } = announced;
  if (hasBody && requestBody !== BodySendMode.FULL_DUPLEX_STREAMED)
    return unsupported("request_body_mode", requestBody);
  if (responseBody === BodySendMode.FULL_DUPLEX_STREAMED) return chosenFullDuplex;
  if (responseBody === BodySendMode.NONE) return chosenFullDuplexRequest;
  return unsupported("response_body_mode", responseBody);
}

function unsupported(field: string, mode: number): Refusal {
  const name = bodySendModes.values.find(({ number }) => number === mode)?.name ?? String(mode);
  return refuse("Internal", `${field} ${name} is not supported by the endpoint picker: set it to FULL_DUPLEX_STREAMED`);
}
