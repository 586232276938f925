/**
 * One ext_proc stream, whatever HTTP/2 server carries it. What is sent in one turn of the event loop leaves together at
 * `flush`; what is sent after the stream closed is dropped.
 */
export interface ExtProcStream {
  /** Queues a copy of the bytes, whole gRPC frames or their beginnings. */
  send(bytes: Buffer): void;
  /** Queues the rest of a frame, uncopied where it is large: the bytes must stay as they are until they have left. */
  pass(bytes: Buffer): void;
  /** Lets out what is queued. Not needed in a call of {@link ExtProcPeer}: it happens behind it. */
  flush(): void;
  /** Lets out what is queued and ends the stream with a gRPC status; what still arrives is dropped. */
  end(status: number, message: string): void;
  /**
   * Whether `end` with status 0 would leave in one piece with what is queued. Otherwise it leaves somewhat later, and what
   * the gateway sends in between is lost.
   */
  readonly endsAtOnce: boolean;
  /** Drops the stream at once, from both sides. */
  abort(): void;
}

/** What answers an {@link ExtProcStream}. */
export interface ExtProcPeer {
  /** Whether what comes now belongs to the response: it is passed on, whatever is held. */
  readonly isResponding: boolean;
  /**
   * A whole message arrived, from byte `from` of the chunk to before `to`. The chunk is this peer's to keep.
   * @throws {OutriderError} `PROTOCOL_VIOLATION` where it is no message; `broken` follows.
   */
  message(chunk: Buffer, from: number, to: number): void;
  /**
   * Nothing of the stream can be read any more: a message is no message, larger than is accepted, or, before the
   * response, more than there is room to hold.
   */
  broken(fault: "malformed" | "oversize" | "held", message: string): void;
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
