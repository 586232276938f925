import type { ExtProcCall, ExtProcClient } from "../../clients/ext-proc.ts";
import type { GatewayMessage } from "./message.ts";
import { type PartType, type Reply, toReply } from "./reply.ts";

/** Longest time the EPP gets for an answer that is due, in ms. */
const answerMs = 5_000;
/** Time in which replies nobody waits for still count as observed, in ms. */
const lateMs = 20;

/** One ext_proc stream as a gateway drives it: it sends, and waits for what the protocol says is due. */
export interface Exchange {
  readonly sent: readonly GatewayMessage[];
  /** What came so far, in order. */
  readonly replies: readonly Reply[];
  /** Whether an answer that was due did not come in time. */
  readonly isOverdue: boolean;
  /** Sends messages in order; those of the response only once the request is answered, as gateways do. */
  send(messages: readonly GatewayMessage[]): Promise<void>;
  /** Watches for replies for a while. */
  watch(durationMs: number): Promise<void>;
  /** Waits for the number of replies, joined or not, at most `durationMs`. */
  until(count: number, durationMs: number): Promise<void>;
  /** Half-closes as Envoy does when its client leaves. */
  leave(): Promise<void>;
  /** Ends the stream as Envoy does, after the last stragglers; `grpc-status`, where the EPP gave one. */
  close(): Promise<number | undefined>;
}

/** Opens a stream. */
export function openExchange(client: ExtProcClient): Exchange {
  return new StreamExchange(client.open());
}

class StreamExchange implements Exchange {
  readonly sent: GatewayMessage[] = [];
  readonly replies: Reply[] = [];
  isOverdue = false;
  readonly #call: ExtProcCall;
  #isOver = false;
  #wake: () => void = () => {};

  constructor(call: ExtProcCall) {
    this.#call = call;
    void this.#pump();
  }

  async send(messages: readonly GatewayMessage[]): Promise<void> {
    for (const message of messages) {
      if (message.type.startsWith("response_")) await this.#settle();
      else if (this.sent[0]?.waitsForHeaders) await this.#headersAnswered();
      this.sent.push(message);
      this.#call.send(message.wire);
    }
    await this.#settle();
  }

  watch(durationMs: number): Promise<void> {
    return this.#wait(() => this.#isOver, durationMs);
  }

  until(count: number, durationMs: number): Promise<void> {
    return this.#wait(() => this.#isOver || this.replies.length >= count, durationMs);
  }

  async leave(): Promise<void> {
    this.#call.end();
    await this.watch(answerMs);
  }

  async close(): Promise<number | undefined> {
    await this.watch(lateMs);
    this.#call.reset();
    return this.#call.status;
  }

  async #settle(): Promise<void> {
    const isSettled = () => this.#isOver || isAnswered(this.sent, this.replies);
    await this.#wait(isSettled, answerMs);
    this.isOverdue ||= !isSettled();
  }

  async #headersAnswered(): Promise<void> {
    const isDone = () => this.#isOver || this.replies.length > 0;
    await this.#wait(isDone, answerMs);
    this.isOverdue ||= !isDone();
  }

  async #pump(): Promise<void> {
    for (;;) {
      const message = await this.#call.receive();
      if (message === undefined) break;
      this.replies.push(toReply(message));
      this.#wake();
    }
    this.#isOver = true;
    this.#wake();
  }

  #wait(isDone: () => boolean, limitMs: number): Promise<void> {
    return new Promise((resolve) => {
      const finish = () => {
        clearTimeout(timer);
        this.#wake = () => {};
        resolve();
      };
      const timer = setTimeout(finish, limitMs);
      this.#wake = () => isDone() && finish();
      this.#wake();
    });
  }
}

/** Whether the EPP has answered all that the protocol makes it answer. */
function isAnswered(sent: readonly GatewayMessage[], replies: readonly Reply[]): boolean {
  if (replies.some(({ type }) => type === "immediate_response")) return true;
  return isSideAnswered("request", sent, replies) && isSideAnswered("response", sent, replies);
}

function isSideAnswered(
  side: "request" | "response",
  sent: readonly GatewayMessage[],
  replies: readonly Reply[],
): boolean {
  const last = sent.findLast(({ type }) => type.startsWith(side));
  if (last === undefined) return true;
  const has = (part: string) => replies.some(({ type }) => type === `${side}_${part}`);
  switch (last.type.slice(side.length + 1)) {
    case "trailers":
      return has("trailers");
    case "body":
      return !last.endOfStream || hasLastBody(`${side}_body` as PartType, replies);
    default:
      return has("headers") || (side === "request" && !last.endOfStream && !last.waitsForHeaders);
  }
}

/** A body is answered by the piece that ends it, or whole in the modes that do not stream. */
function hasLastBody(type: PartType, replies: readonly Reply[]): boolean {
  return replies.some((reply) => reply.type === type && (reply.endOfStream || reply.change !== "streamed_response"));
}
