import type { PeerPick } from "./peer-pick.ts";

/** How a request ended. `unknown`: the response was not observed; `never_sent`: refused after it was scored. */
export type DoneCause = "ok" | "client_cancelled" | "upstream_error" | "never_sent" | "evicted" | "unknown";

/** The request of a call is about to be sent to an endpoint. At most once a call. */
export interface PickedEvent {
  readonly kind: "picked";
  /** Score this plugin gave the endpoint; `NaN` where it gave none. */
  readonly ownScore: number;
  /** Total of the endpoint over all scorers. */
  readonly totalScore: number;
  /** Whether the pick was made without this plugin's answer. */
  readonly fallback: boolean;
  /** Tokens of the prompt. */
  readonly promptTokens: number;
  /** Pick of every profile of the decision. */
  readonly picks: readonly PeerPick[];
}

/** The response's headers arrived. At most once a call. */
export interface HeadersEvent {
  readonly kind: "headers";
  /** HTTP status. */
  readonly status: number;
  /** Request sent to headers received, in µs. */
  readonly ttfbUs: number;
  /** Granted response headers, names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
}

/** The answer is under way. Cumulative, so that a lost one is harmless; at most one each 50 ms. */
export interface ProgressEvent {
  readonly kind: "progress";
  /** Body chunks so far. */
  readonly chunks: number;
  /** Output tokens so far, as far as they can be told. */
  readonly outputTokens: number;
  /** Since the request was sent, in ms. */
  readonly elapsedMs: number;
}

/** The request is over. Exactly once for every call that was put to a plugin and not shed. */
export interface DoneEvent {
  readonly kind: "done";
  /** How it ended. */
  readonly cause: DoneCause;
  /** HTTP status; 0 = none seen. */
  readonly status: number;
  /** Prompt tokens the model server counted; 0 = not told. */
  readonly promptTokens: number;
  /** Prompt tokens it found in its prefix cache; 0 = not told. */
  readonly cachedTokens: number;
  /** Output tokens; 0 = not told. */
  readonly outputTokens: number;
  /** TTFT in µs; 0 = not seen. */
  readonly ttftUs: number;
  /** Request received to its end, in ms. */
  readonly e2eMs: number;
  /**
   * Chained hashes of the prefix blocks that the answer completes behind the last one of `request.block_hashes`, as the
   * next turn's prompt has them: two words each, low word first. May be kept. Absent = none, not granted, or the next
   * prompt will not hold the answer as it came. Needs `events.answer_blocks`.
   */
  readonly blockHashes?: Uint32Array;
}

/** What became of the request behind one call to a plugin. */
export type FeedbackEvent = {
  /** The call, as the plugin saw it. */
  readonly callId: number;
  /** Endpoint the request was sent to; 0 and meaningless for `never_sent`. */
  readonly slot: number;
  /** The host's clock, Unix ms; virtual in simulation and replay. */
  readonly atMs: number;
} & (PickedEvent | HeadersEvent | ProgressEvent | DoneEvent);
