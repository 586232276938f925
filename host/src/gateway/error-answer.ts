import type { ServerResponse } from "node:http";
import { refusalHeaders } from "../doors/refusals.ts";
import type { Refusal } from "../scheduling/types.ts";

/** Answers with an error in the form that OpenAI clients read. */
export function answerError(response: ServerResponse, refusal: Refusal): void {
  const { status, code, message } = refusal;
  const error = { message, type: errorType(status), param: null, code };
  const body = Buffer.from(JSON.stringify({ error }));
  const headers = { "content-type": "application/json", "content-length": body.length };
  response.writeHead(status, { ...headers, ...Object.fromEntries(refusalHeaders(refusal)) });
  response.end(body);
}

/** Type by which OpenAI clients tell errors apart. */
function errorType(status: number): string {
  if (status === 404) return "not_found_error";
  if (status === 429) return "rate_limit_error";
  return status < 500 ? "invalid_request_error" : "server_error";
}
