import type { Producer, Scorer } from "@outrider/core";
import type { EndpointChange } from "@outrider/core/contract";

/** A plugin that runs in the host's own process, on its event loop or on threads. */
export interface HostPlugin {
  /** Set where its definition is a scorer's, or not known yet. */
  readonly scorer: Scorer | undefined;
  /** Set where its definition is a producer's, or not known yet. */
  readonly producer: Producer | undefined;
  /** Times that it was made again. */
  readonly restarts: number;
  /** Events that it was too slow for. */
  readonly droppedFeedback: number;
  /** Tells it of a change of the endpoint table, before the first call that knows of it; absent where threads are told. */
  publish?(change: EndpointChange): void;
  /** Tries it again where it is failed, quarantined or ejected for its overruns. False where it is none of them. */
  release(): boolean;
  /** Takes no further calls, lets those under way end for at most `drainMs`, and ends it. */
  close(drainMs: number): Promise<void>;
}
