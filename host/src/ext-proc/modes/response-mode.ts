import type { ExtProcStream } from "../stream.ts";

/** How the body of a response is exchanged with the gateway. */
export interface ResponseMode {
  /** Whether the gateway sends it. Where nobody knows, its coming tells. */
  readonly body: "sent" | "hidden" | "unknown";
  /** Whether it comes in one message, which nothing of it follows. */
  readonly isOneMessage: boolean;
  /** Whether that message may hold only its beginning. */
  readonly mayBeCut: boolean;
  /** Whether bytes may be sent that answer no message, and whether the gateway drops `content-length` by itself. */
  readonly isFree: boolean;
  /** Answers a message of the body so that it stays as it is. @param metadata to go with the last answer; empty = none. */
  pass(stream: ExtProcStream, chunk: Buffer, endsStream: boolean, metadata: Buffer): void;
  /** Answers a message of the body with other bytes; none of the pieces is empty. */
  replace(stream: ExtProcStream, pieces: readonly Buffer[], endsStream: boolean, metadata: Buffer): void;
}
