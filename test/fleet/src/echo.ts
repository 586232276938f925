import { createHash } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { resetConnection } from "./respond.ts";

/**
 * `/echo?status=S&trailers=1&delayMs=D`, also with the path of an API behind `/echo`: what arrived, as JSON: method, url,
 * headers, trailers, length and SHA-256 of the body. Nothing of the body is kept, so it may be of any size. With
 * `trailers` the answer ends with `x-echo-trailer`; with `delayMs` nothing is answered until then.
 */
export function answerEcho(request: IncomingMessage, response: ServerResponse, query: URLSearchParams): void {
  const hash = createHash("sha256");
  let bodyBytes = 0;
  request.on("data", (chunk: Buffer) => {
    bodyBytes += chunk.length;
    hash.update(chunk);
  });
  let timer: NodeJS.Timeout | undefined;
  response.once("close", () => clearTimeout(timer));
  const answer = () => {
    const { method, url, headers, trailers, httpVersion } = request;
    const sha256 = hash.digest("hex");
    const json = JSON.stringify({ method, url, httpVersion, headers, trailers, bodyBytes, sha256 });
    response.statusCode = countOf(query, "status", 200);
    response.setHeader("content-type", "application/json");
    response.setHeader("x-echo-method", String(method));
    if (!query.has("trailers")) return void response.setHeader("content-length", Buffer.byteLength(json)).end(json);
    response.setHeader("trailer", "x-echo-trailer");
    response.write(json);
    response.addTrailers({ "x-echo-trailer": sha256 });
    response.end();
  };
  request.on("end", () => {
    const delayMs = countOf(query, "delayMs", 0);
    if (delayMs === 0) answer();
    else timer = setTimeout(answer, delayMs);
  });
}

/**
 * `/sse?chunks=N&gapMs=M&bytes=B&resetAfter=K&trailers=1`: N events of B bytes each, M ms apart (none: at once), then
 * `[DONE]`; the connection is reset after the K-th.
 */
export function answerSse(request: IncomingMessage, response: ServerResponse, query: URLSearchParams): void {
  const chunks = countOf(query, "chunks", 10);
  const gapMs = countOf(query, "gapMs", 0);
  const resetAfter = countOf(query, "resetAfter", Number.POSITIVE_INFINITY);
  const event = `data: ${"x".repeat(Math.max(0, countOf(query, "bytes", 64) - "data: \n\n".length))}\n\n`;
  let sent = 0;
  let timer: NodeJS.Timeout | undefined;
  const next = (): void => {
    if (sent === resetAfter) resetConnection(response);
    else if (sent === chunks) end(response, sent, query.has("trailers"));
    else {
      sent += 1;
      response.write(event);
      timer = setTimeout(next, gapMs);
    }
  };
  request.resume();
  response.once("close", () => clearTimeout(timer));
  response.writeHead(200, {
    "content-type": "text/event-stream",
    ...(query.has("trailers") && { trailer: "x-events" }),
  });
  next();
}

function end(response: ServerResponse, sent: number, withTrailers: boolean): void {
  response.write("data: [DONE]\n\n");
  if (withTrailers) response.addTrailers({ "x-events": String(sent) });
  response.end();
}

function countOf(query: URLSearchParams, name: string, otherwise: number): number {
  const count = Number(query.get(name) ?? otherwise);
  return count >= 0 ? count : otherwise;
}
