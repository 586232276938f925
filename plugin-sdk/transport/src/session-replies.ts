import { OutriderError } from "@outrider/core/contract";
import type { ConfigureResponse, HandshakeResponse, PushStateResponse, SessionResponse } from "@outrider/protos/scorer";
import { createPendingReplies } from "./pending-replies.ts";

/** Largest state that a plugin may hand to its successor. */
const maxHandoffBytes = 960 * 1024;

/** Everything besides calls that a plugin owes an answer to. */
export class SessionReplies {
  readonly hello = createPendingReplies<HandshakeResponse>();
  readonly configured = createPendingReplies<ConfigureResponse>();
  /** Of chunks of state that were sent as they are. */
  readonly ack = createPendingReplies<PushStateResponse>();
  /** Number that the pong repeats. */
  readonly pong = createPendingReplies<number>();
  readonly handoff = createPendingReplies<Uint8Array>();

  /**
   * Hands an answer to who waits for it; false where nobody does, or the frame is no answer.
   * @throws {OutriderError} `PROTOCOL_VIOLATION` for a hand-off that is too large.
   */
  settle(frame: SessionResponse["frame"]): boolean {
    switch (frame.case) {
      case "hello":
        return this.hello.settle(frame.value);
      case "configured":
        return this.configured.settle(frame.value);
      case "stateAck":
        return this.ack.settle(frame.value);
      case "pong":
        return this.pong.settle(frame.value.seq);
      case "drained":
        return this.handoff.settle(checkHandoff(frame.value.handoff));
      case "scores":
      case "table":
      case "credit":
      case "health":
      case undefined:
        return false;
    }
  }

  /** Fails all that wait. */
  fail(error: OutriderError): void {
    for (const replies of [this.hello, this.configured, this.ack, this.pong, this.handoff]) replies.fail(error);
  }
}

function checkHandoff(handoff: Uint8Array): Uint8Array {
  if (handoff.length <= maxHandoffBytes) return handoff;
  const message = `a hand-off of ${handoff.length} bytes: at most ${maxHandoffBytes} are accepted`;
  throw new OutriderError("PROTOCOL_VIOLATION", message);
}
