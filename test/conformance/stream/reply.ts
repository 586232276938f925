import type { JsonObject } from "@bufbuild/protobuf";
import type { CommonResponse, HeaderMutation, ProcessingResponse } from "@outrider/protos/ext-proc";

/** A header and its value, as a reply carries it in `raw_value`. */
export type HeaderPair = readonly [name: string, value: string];

/** Part of an exchange that a message is about. */
export type PartType =
  | "request_headers"
  | "request_body"
  | "request_trailers"
  | "response_headers"
  | "response_body"
  | "response_trailers";

/** What changes a body: `none` is a bare acknowledgement. */
export type BodyChange = "streamed_response" | "body" | "none";

/** One message of the EPP, plain. */
export interface Reply {
  readonly type: PartType | "immediate_response" | "unknown";
  /** In the order of the message. */
  readonly setHeaders: readonly HeaderPair[];
  readonly removeHeaders: readonly string[];
  /** Names of headers that carry `value`, which Envoy makes empty, or an append action. */
  readonly oddHeaders: readonly string[];
  readonly clearRouteCache: boolean;
  readonly dynamicMetadata: JsonObject | undefined;
  /** Of a body or an immediate reply; empty elsewhere. */
  readonly body: Buffer;
  readonly change: BodyChange;
  readonly endOfStream: boolean;
  /** HTTP status of an immediate reply; 0 elsewhere. */
  readonly status: number;
}

const nothing = {
  setHeaders: [],
  removeHeaders: [],
  oddHeaders: [],
  clearRouteCache: false,
  body: Buffer.alloc(0),
  change: "none",
  endOfStream: false,
  status: 0,
} as const;

/** Reads a reply off the wire's message. */
export function toReply({ response, dynamicMetadata }: ProcessingResponse): Reply {
  const base = { ...nothing, dynamicMetadata };
  switch (response.case) {
    case "requestHeaders":
    case "responseHeaders":
    case "requestBody":
    case "responseBody":
      return { ...base, type: partTypes[response.case], ...fromCommon(response.value.response) };
    case "requestTrailers":
    case "responseTrailers":
      return { ...base, type: partTypes[response.case], ...fromMutation(response.value.headerMutation) };
    case "immediateResponse": {
      const { status, headers, body } = response.value;
      const rest = { status: status?.code ?? 0, body: Buffer.from(body) };
      return { ...base, type: "immediate_response", ...fromMutation(headers), ...rest };
    }
    case undefined:
      return { ...base, type: "unknown" };
  }
}

/** Joins replies to one body that follow one another: how a body is cut is the EPP's business. */
export function joinBodies(replies: readonly Reply[]): readonly Reply[] {
  const joined: Reply[] = [];
  for (const reply of replies) {
    const last = joined.at(-1);
    if (last !== undefined && isJoinable(last, reply)) {
      const body = Buffer.concat([last.body, reply.body]);
      joined[joined.length - 1] = { ...reply, body, dynamicMetadata: reply.dynamicMetadata ?? last.dynamicMetadata };
    } else joined.push(reply);
  }
  return joined;
}

/** Value of a header a reply sets, in any case; the last one where it sets it twice. */
export function headerOf(reply: Reply | undefined, name: string): string | undefined {
  return reply?.setHeaders.findLast(([key]) => key.toLowerCase() === name.toLowerCase())?.[1];
}

const partTypes = {
  requestHeaders: "request_headers",
  requestBody: "request_body",
  requestTrailers: "request_trailers",
  responseHeaders: "response_headers",
  responseBody: "response_body",
  responseTrailers: "response_trailers",
} as const;

function isJoinable(last: Reply, next: Reply): boolean {
  return last.type.endsWith("_body") && last.type === next.type && !last.endOfStream && last.change === next.change;
}

function fromCommon(common: CommonResponse | undefined): Partial<Reply> {
  const mutation = common?.bodyMutation?.mutation;
  const base = { ...fromMutation(common?.headerMutation), clearRouteCache: common?.clearRouteCache ?? false };
  if (mutation?.case === "streamedResponse") {
    const { body, endOfStream } = mutation.value;
    return { ...base, change: "streamed_response", body: Buffer.from(body), endOfStream };
  }
  return mutation?.case === "body" ? { ...base, change: "body", body: Buffer.from(mutation.value) } : base;
}

function fromMutation(mutation: HeaderMutation | undefined): Partial<Reply> {
  const options = mutation?.setHeaders ?? [];
  return {
    setHeaders: options.map(({ header }) => [header?.key ?? "", Buffer.from(header?.rawValue ?? []).toString()]),
    removeHeaders: mutation?.removeHeaders ?? [],
    oddHeaders: options
      .filter(({ header, append, appendAction }) => header?.value !== "" || append !== undefined || appendAction !== 0)
      .map(({ header }) => header?.key ?? ""),
  };
}
