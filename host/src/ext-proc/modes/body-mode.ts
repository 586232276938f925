import type { ExtProcStream } from "../stream.ts";

/** How the bodies of one stream are exchanged with the gateway. */
export interface BodyMode {
  /** Whether the response's body and trailers are sent; if not, its headers end the exchange. */
  readonly seesResponseBody: boolean;
  /**
   * Sends a request's body back, behind the answer to its headers.
   * @param chunks the whole body, none of them empty.
   * @param endsStream whether the body's end was the request's; false where trailers came.
   */
  answerRequestBody(stream: ExtProcStream, chunks: readonly Buffer[], endsStream: boolean): void;
  /** Sends one message of a response's body back. */
  answerResponseBody(stream: ExtProcStream, chunk: Buffer, endsStream: boolean): void;
}
