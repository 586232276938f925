import type { ServerResponse } from "node:http";
import { Readable } from "node:stream";
import type { MetricsFault } from "../faults.ts";

const contentType = "text/plain; version=0.0.4; charset=utf-8";
const hugeBytes = 100 * 2 ** 20;

/** Writes a page to the start of a buffer. @returns its length in bytes. */
export type RenderPage = (page: Buffer) => number;

/** The `/metrics` of one server. */
export interface MetricsEndpoint {
  /** Answers a scrape with the page, or as the fault demands. */
  answer(response: ServerResponse, maxBytes: number, render: RenderPage, fault: MetricsFault | undefined): void;
}

/** Keeps one buffer for its pages, lent to a response until its bytes are with the operating system. */
export function createMetricsEndpoint(): MetricsEndpoint {
  let spare: Buffer | undefined;
  return {
    answer(response, maxBytes, render, fault) {
      if (fault !== undefined) return answerFaulty(response, maxBytes, render, fault);
      const page = spare !== undefined && spare.length >= maxBytes ? spare : Buffer.allocUnsafeSlow(maxBytes);
      spare = undefined;
      const length = render(page);
      response.writeHead(200, { "content-type": contentType, "content-length": length });
      response.end(page.subarray(0, length), () => {
        spare = page;
      });
    },
  };
}

function answerFaulty(response: ServerResponse, maxBytes: number, render: RenderPage, fault: MetricsFault): void {
  if (fault === "hang") return;
  if (fault === "error")
    return void response.writeHead(500, { "content-type": "text/plain" }).end("Internal Server Error");
  if (fault === "html") {
    const page = "<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body><h1>Sign in</h1></body></html>\n";
    return void response.writeHead(200, { "content-type": "text/html; charset=utf-8" }).end(page);
  }
  const buffer = Buffer.alloc(maxBytes);
  const page = buffer.toString("latin1", 0, render(buffer));
  response.writeHead(200, { "content-type": contentType });
  if (fault === "half-line") response.end(page.slice(0, page.indexOf("vllm:kv_cache_usage_perc{") + 40));
  else if (fault === "nan") response.end(page.replace(/^(vllm:(?:num_requests|kv_cache)\S* ).*$/gm, "$1NaN"));
  else Readable.from(repeatPage(page)).pipe(response);
}

/** The page again and again. */
function* repeatPage(page: string): Generator<string> {
  for (let bytes = 0; bytes < hugeBytes; bytes += page.length) yield page;
}
