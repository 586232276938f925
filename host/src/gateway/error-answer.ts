import { type ServerResponse, STATUS_CODES } from "node:http";
import { refusalHeaders } from "../doors/refusals.ts";
import type { Refusal } from "../scheduling/types.ts";
import { requestIdHeader } from "./request-id.ts";

/**
 * Answers with an error in the form that OpenAI clients read. Nothing is left to write; the response is still to be
 * ended.
 * @param closes whether the connection is closed behind it.
 */
export function answerError(response: ServerResponse, refusal: Refusal, requestId: string, closes: boolean): void {
  const body = errorBody(refusal);
  const headers = [...errorHeaders(refusal, body), requestIdHeader, requestId];
  if (closes) headers.push("connection", "close");
  response.writeHead(refusal.status, headers);
  response.write(body);
}

/** The same as bytes, for a connection on which no request came about. */
export function errorBytes(refusal: Refusal): Buffer {
  const body = errorBody(refusal);
  const headers = [...errorHeaders(refusal, body), "connection", "close"];
  const lines = [`HTTP/1.1 ${refusal.status} ${STATUS_CODES[refusal.status] ?? ""}`];
  for (let i = 0; i < headers.length; i += 2) lines.push(`${headers[i]}: ${headers[i + 1]}`);
  return Buffer.concat([Buffer.from(`${lines.join("\r\n")}\r\n\r\n`), body]);
}

function errorBody({ status, code, message }: Refusal): Buffer {
  return Buffer.from(JSON.stringify({ error: { message, type: errorType(status), param: null, code } }));
}

function errorHeaders(refusal: Refusal, body: Buffer): string[] {
  const headers = ["content-type", "application/json", "content-length", String(body.length)];
  for (const [name, value] of refusalHeaders(refusal)) headers.push(name, value);
  return headers;
}

/** Type by which OpenAI clients tell errors apart. */
function errorType(status: number): string {
  if (status === 404) return "not_found_error";
  if (status === 429) return "rate_limit_error";
  return status < 500 ? "invalid_request_error" : "server_error";
}
