/**
 * One ext_proc stream, whatever HTTP/2 server carries it. What is sent in one turn of the event loop leaves together at
 * `flush`; what is sent after the stream closed is dropped.
 */
export interface ExtProcStream {
  /** Queues bytes of gRPC frames; a frame may come in several pieces. They are kept until they have left. */
  send(bytes: Buffer): void;
  /** Lets out what is queued. Not needed in a call of {@link ExtProcPeer}: it happens behind it. */
  flush(): void;
  /** Lets out what is queued and ends the stream with a gRPC status; what still arrives is dropped. */
  end(status: number, message: string): void;
  /** Drops the stream at once, from both sides. */
  abort(): void;
}

/** What answers an {@link ExtProcStream}. */
export interface ExtProcPeer {
  /**
   * A whole message arrived. Its bytes are this peer's to keep.
   * @throws {OutriderError} `PROTOCOL_VIOLATION` where it is no message; `broken` follows.
   */
  message(bytes: Buffer): void;
  /** Nothing of the stream can be read any more: a message is no message, or larger than is accepted. */
  broken(fault: "malformed" | "oversize", message: string): void;
  /** The other side sends no more but still reads. */
  halfClosed(): void;
  /** The stream is gone, for whatever reason. Always the last call, exactly once. */
  closed(): void;
}

/** gRPC status codes that the server answers with. */
export const grpcStatus = {
  ok: 0,
  invalidArgument: 3,
  deadlineExceeded: 4,
  resourceExhausted: 8,
  unimplemented: 12,
  internal: 13,
} as const;
