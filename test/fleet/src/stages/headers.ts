import type { IncomingHttpHeaders } from "node:http";

/** What a request's headers ask a server to have others do, as llm-d's sidecar reads them. */
export interface AskedOfPeers {
  /** `ip:port` of the server that computes the prompt; empty: this one does. */
  readonly prefiller: string;
  /** `ip:port` of those that encode its images and the like. */
  readonly encoders: readonly string[];
  /** `ip:port` of the data-parallel rank that answers; empty: this one. */
  readonly rank: string;
}

const names = {
  prefiller: "x-prefiller-host-port",
  encoders: "x-encoder-hosts-ports",
  rank: "x-data-parallel-host-port",
} as const;

/** Headers that are for the server that gets them first, and for no peer. */
export const peerHeaders: readonly string[] = Object.values(names);

/** Reads them; of several prefillers the first counts. */
export function readPeerHeaders(headers: IncomingHttpHeaders): AskedOfPeers {
  const listOf = (name: string) =>
    String(headers[name] ?? "")
      .split(",")
      .map((item) => item.trim())
      .filter((item) => item !== "");
  return {
    prefiller: listOf(names.prefiller)[0] ?? "",
    encoders: listOf(names.encoders),
    rank: listOf(names.rank)[0] ?? "",
  };
}
