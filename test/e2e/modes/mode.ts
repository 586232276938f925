/** How Envoy sends a body to an endpoint picker, in its configuration's words. */
export type SendMode = "NONE" | "STREAMED" | "BUFFERED" | "BUFFERED_PARTIAL" | "FULL_DUPLEX_STREAMED";

/** One way to configure the ext_proc filter. */
export interface Mode {
  readonly name: string;
  readonly request: SendMode;
  readonly response: SendMode;
  /** What the endpoint picker makes of it by an override; default what it is configured as. */
  readonly overridden?: Readonly<Record<"request" | "response", SendMode>>;
  /** Of both directions; FULL_DUPLEX_STREAMED has SEND whatever stands here. Default: the filter's own, so not sent. */
  readonly trailers?: "SEND";
  /** Further settings of the filter. */
  readonly filter?: Readonly<Record<string, unknown>>;
}

const fullDuplex = "FULL_DUPLEX_STREAMED";

/** The modes that gateways are configured with, and mixtures of them. */
export const modes: readonly Mode[] = [
  { name: "full duplex", request: fullDuplex, response: fullDuplex },
  { name: "full duplex, responses unseen", request: fullDuplex, response: "NONE" },
  { name: "buffered", request: "BUFFERED", response: "BUFFERED" },
  { name: "buffered, with trailers", request: "BUFFERED", response: "BUFFERED", trailers: "SEND" },
  { name: "buffered, responses streamed", request: "BUFFERED", response: "STREAMED" },
  { name: "buffered, responses full duplex", request: "BUFFERED", response: fullDuplex },
  { name: "buffered in part", request: "BUFFERED_PARTIAL", response: "BUFFERED_PARTIAL" },
  {
    name: "buffered in part, with trailers",
    request: "BUFFERED_PARTIAL",
    response: "BUFFERED_PARTIAL",
    trailers: "SEND",
  },
  { name: "streamed", request: "STREAMED", response: "STREAMED" },
  { name: "streamed, responses full duplex", request: "STREAMED", response: fullDuplex },
  { name: "streamed, with trailers", request: "STREAMED", response: "STREAMED", trailers: "SEND" },
  {
    name: "streamed without waiting, with trailers",
    request: "STREAMED",
    response: "STREAMED",
    trailers: "SEND",
    filter: { send_body_without_waiting_for_header_response: true },
  },
  { name: "headers alone", request: "NONE", response: "NONE" },
  {
    name: "headers alone, override allowed",
    request: "NONE",
    response: "NONE",
    overridden: { request: "BUFFERED_PARTIAL", response: "STREAMED" },
    filter: { allow_mode_override: true },
  },
];

/** How a request's body is exchanged in the end. */
export function requestMode({ request, overridden }: Mode): SendMode {
  return overridden?.request ?? request;
}

/** How a response's body is exchanged in the end. */
export function responseMode({ response, overridden }: Mode): SendMode {
  return overridden?.response ?? response;
}

/** Whether the whole body of a request is shown before the decision, where it fits Envoy's buffer. */
export function seesRequestBody(mode: Mode): boolean {
  return ["FULL_DUPLEX_STREAMED", "BUFFERED", "BUFFERED_PARTIAL"].includes(requestMode(mode));
}

/** Whether the body of a response is shown. */
export function seesResponseBody(mode: Mode): boolean {
  return responseMode(mode) !== "NONE";
}

/** Whether Envoy collects a response before its client gets any of it. */
export function collectsResponse(mode: Mode): boolean {
  return ["BUFFERED", "BUFFERED_PARTIAL"].includes(responseMode(mode));
}

/** `processing_mode` of the filter. */
export function toProcessingMode({ request, response, trailers }: Mode): Readonly<Record<string, string>> {
  const trailersOf = (body: SendMode) => (body === fullDuplex ? "SEND" : (trailers ?? "DEFAULT"));
  return {
    request_header_mode: "SEND",
    request_body_mode: request,
    request_trailer_mode: trailersOf(request),
    response_header_mode: "SEND",
    response_body_mode: response,
    response_trailer_mode: trailersOf(response),
  };
}
