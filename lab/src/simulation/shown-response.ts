import type { DoneCause } from "@outrider/core";
import type { Routed } from "@outrider/host";
import type { RequestResult } from "../engine/index.ts";

/** What passes of a response's body, where its usage is told otherwise: a comment of SSE. */
const chunk = Buffer.from(": token\n\n");

/** What a door shows the host of one response: as much as the host wants to see. */
export interface ShownResponse {
  /** The response begins. @param served address that answers. */
  headers(status: number, served: string): void;
  /** Something of its body passes. */
  token(): void;
  /** It is whole. */
  whole(
    status: number,
    usage: Pick<RequestResult, "promptTokens" | "cachedTokens" | "outputTokens">,
    times: Times,
  ): void;
  end(cause: DoneCause): void;
}

/** Times of a response since its request was sent, in ms. */
export interface Times {
  readonly ttftMs: number;
  readonly e2eMs: number;
}

/** The response to a request that was routed; where the host wants to see nothing of it, it is let go at once. */
export function showResponse(routed: Routed): ShownResponse {
  const { observation } = routed;
  if (observation === "none") routed.letGo();
  const isFull = observation === "full";
  return {
    headers(status, served) {
      if (observation !== "none") routed.responseHeaders(status, () => undefined, served);
    },
    token() {
      if (isFull) routed.responseChunk(chunk);
    },
    whole(status, { promptTokens, cachedTokens, outputTokens }, { ttftMs, e2eMs }) {
      if (!isFull) return;
      const usage = { promptTokens, cachedTokens, outputTokens };
      routed.report({ status, served: undefined, usage, ttftMs, e2eMs: Math.round(e2eMs) });
    },
    end: (cause) => routed.end(cause),
  };
}
