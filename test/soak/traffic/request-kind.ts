import type { Dispatcher } from "undici";
import type { Ending } from "./ending.ts";

/** What one request is made with. */
export interface Shot {
  /** Base URL of the door. */
  readonly door: string;
  readonly dispatcher: Dispatcher;
  /** Number of the request. */
  readonly i: number;
  /** In [0, 1), from the seed of the run. */
  readonly random: () => number;
  /** The request has taken too long. */
  readonly tooLong: AbortSignal;
}

/** One kind of request. */
export interface RequestKind {
  readonly name: string;
  /** Share of the requests, relative to the others'. */
  readonly weight: number;
  /** Makes one; never rejects for what the other side does. */
  run(shot: Shot): Promise<Ending>;
}
