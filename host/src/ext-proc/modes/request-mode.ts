import type { RouteAnswer } from "../messages/answers.ts";
import type { ExtProcStream } from "../stream.ts";

/** Part of a request that made it ready to be decided. */
export type RequestPart = "headers" | "body" | "trailers";

/** What is held of a request when it has been decided. */
export interface HeldRequest {
  readonly readyWith: RequestPart;
  /** Chunks of its body, none of them empty. */
  readonly chunks: readonly Buffer[];
  /** Chunks that take their place; `undefined` = the body stays as it is. */
  readonly replacement: readonly Buffer[] | undefined;
}

/** How the body of a request is exchanged with the gateway. */
export interface RequestMode {
  /**
   * What a request is decided on: its headers alone; one message with all there will be of its body; all of it. Or how
   * the gateway goes on tells which of these it is.
   */
  readonly decidesOn: "headers" | "body" | "all" | "behaviour";
  /** What may come of the request behind the decision: nothing that matters; chunks to its end; nobody knows. */
  readonly rest: "nothing" | "chunks" | "unknown";
  /** Whether the one message with the body may hold only its beginning. */
  readonly mayBeCut: boolean;
  /** Answers what is held of a request that goes to an endpoint; its trailers are left to be answered. */
  sendRoute(stream: ExtProcStream, route: RouteAnswer, held: HeldRequest): void;
}
