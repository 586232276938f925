import { isIPv4, isIPv6 } from "node:net";
import type { HeaderMutation, ProcessingResponse } from "@outrider/protos/ext-proc";
import type { Dialect } from "./dialect.ts";
import { type ReadAnswer, readAnswer } from "./read-answer.ts";

const destinationHeader = "x-gateway-destination-endpoint";
/** Longest piece of a body that every gateway takes, in bytes. */
const maxPieceBytes = 62_000;
const order = ["Headers", "Body", "Trailers"];

/** What holds of every stream, whatever the gateway: the first rule that is broken, or `undefined`. */
export function brokenRule(answers: readonly ProcessingResponse[], takes: Dialect["destination"]): string | undefined {
  const read = answers.map(readAnswer);
  return (
    orderFault(read, "request") ??
    orderFault(read, "response") ??
    read.map(pieceFault).find(Boolean) ??
    answers.map(encodingFault).find(Boolean) ??
    read.map((answer) => destinationFault(answer, takes)).find(Boolean)
  );
}

/** Headers, body, trailers, and nothing behind the end; an immediate response ends everything. */
function orderFault(answers: readonly ReadAnswer[], side: "request" | "response"): string | undefined {
  const refused = answers.findIndex(({ part }) => part === "immediateResponse");
  if (refused >= 0 && refused < answers.length - 1) return "something comes behind an immediate response";
  const own = answers.filter(({ part }) => part.startsWith(side));
  const ranks = own.map(({ part }) => order.indexOf(part.slice(side.length)));
  if (ranks.some((rank, i) => rank < (ranks[i - 1] ?? 0))) return `${side}: out of order`;
  if (ranks.filter((rank) => rank === 0).length > 1) return `${side}: two answers to the headers`;
  const end = own.findIndex(({ endOfStream }) => endOfStream);
  return end >= 0 && end < own.length - 1 ? `${side}: something comes behind the end of the body` : undefined;
}

function pieceFault({ part, body = "" }: ReadAnswer): string | undefined {
  const bytes = Buffer.byteLength(body);
  return bytes > maxPieceBytes ? `${part}: a piece of ${bytes} bytes` : undefined;
}

/** Values stand in `raw_value` alone, overwrite, and leave the length to the gateway. */
function encodingFault(answer: ProcessingResponse): string | undefined {
  const odd = mutationOf(answer)?.setHeaders.find(
    ({ header, append, appendAction }) =>
      header?.value !== "" || append !== undefined || appendAction !== 0 || header?.key === "content-length",
  );
  return odd === undefined ? undefined : `${odd.header?.key} is not set as gateways need it`;
}

function mutationOf({ response }: ProcessingResponse): HeaderMutation | undefined {
  switch (response.case) {
    case "requestHeaders":
    case "requestBody":
    case "responseHeaders":
    case "responseBody":
      return response.value.response?.headerMutation;
    case "requestTrailers":
    case "responseTrailers":
      return response.value.headerMutation;
    case "immediateResponse":
      return response.value.headers;
    case undefined:
      return undefined;
  }
}

/** The same destination in header and metadata, with as many endpoints as the gateway takes, each a socket address. */
function destinationFault({ part, set, metadata }: ReadAnswer, takes: Dialect["destination"]): string | undefined {
  const header = set?.[destinationHeader];
  const value = (metadata as Readonly<Record<string, Readonly<Record<string, unknown>>>> | undefined)?.["envoy.lb"]?.[
    destinationHeader
  ];
  if (header !== value) return `${part}: header ${header}, metadata ${value}`;
  if (header === undefined) return undefined;
  const endpoints = header.split(",");
  if (takes === "single" && endpoints.length > 1) return `${part}: ${header} is a list`;
  const odd = endpoints.find((endpoint) => !isSocketAddress(endpoint));
  return odd === undefined ? undefined : `${part}: "${odd}" is no socket address`;
}

function isSocketAddress(endpoint: string): boolean {
  const [, v6, v4, port] = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(endpoint) ?? [];
  const isAddress = v6 === undefined ? isIPv4(v4 ?? "") : isIPv6(v6);
  return isAddress && Number(port) > 0 && Number(port) < 65_536;
}
