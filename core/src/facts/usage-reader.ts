import type { AnswerReader } from "./answer-reader.ts";
import { EventLines } from "./event-lines.ts";
import { UsageFinder } from "./usage-finder.ts";

/** Tokens of one exchange as its model server reports them; 0 = not told. */
export interface TokenUsage {
  readonly promptTokens: number;
  /** Prompt tokens found in the prefix cache. */
  readonly cachedTokens: number;
  readonly outputTokens: number;
}

/** Member of a response's JSON that holds token usage: that of most APIs, or of SGLang's own. */
export type UsageMember = "usage" | "meta_info";

/** Reads the usage in a response's body, JSON or server-sent events, cut anywhere. */
export interface UsageReader {
  /** The usage told so far. */
  readonly usage: TokenUsage;
  /**
   * Events with output that have come whole, as far as that is cheap to tell: not the end, not those of a name that
   * stands for no output, not those with usage and no choices. 0 in a body that is no stream.
   */
  readonly outputEvents: number;
  /** Takes the next chunk; its bytes are only read during the call. True for the first that is not empty. */
  read(chunk: Uint8Array): boolean;
}

/** Reads from the start of a response. @param answer is shown its JSON too, that of each event of a stream alone. */
export function createUsageReader(member: UsageMember = "usage", answer?: AnswerReader): UsageReader {
  return new ChunkedUsageReader(member, answer);
}

/** Bytes of the members' keys. */
const needles: Readonly<Record<UsageMember, Buffer>> = {
  usage: Buffer.from('"usage"'),
  meta_info: Buffer.from('"meta_info"'),
};
const BYTE_ORDER_MARK = new Set([0xef, 0xbb, 0xbf]);
const OPEN_BRACE = 0x7b;
const OPEN_BRACKET = 0x5b;

class ChunkedUsageReader implements UsageReader {
  readonly #finder: UsageFinder;
  readonly #member: UsageMember;
  readonly #answer: AnswerReader | undefined;
  #hasBegun = false;
  #form: "unknown" | "json" | "events" = "unknown";
  #lines: EventLines | undefined;

  constructor(member: UsageMember, answer: AnswerReader | undefined) {
    this.#member = member;
    this.#answer = answer;
    this.#finder = new UsageFinder(member);
  }

  get usage(): TokenUsage {
    const { promptTokens, cachedTokens, outputTokens } = this.#finder;
    return { promptTokens, cachedTokens, outputTokens };
  }

  get outputEvents(): number {
    return this.#lines?.outputEvents ?? 0;
  }

  read(chunk: Uint8Array): boolean {
    if (chunk.length === 0) return false;
    const bytes = Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    const start = this.#form === "unknown" ? this.#recognize(bytes) : 0;
    if (this.#form === "json") this.#readJson(bytes, start);
    else this.#lines?.read(bytes, start);
    const isFirst = !this.#hasBegun;
    this.#hasBegun = true;
    return isFirst;
  }

  #readJson(bytes: Buffer, start: number): void {
    this.#finder.read(bytes, start, bytes.length);
    this.#answer?.read(bytes, start, bytes.length);
  }

  /** Tells the body's form by its first byte; returns where that is. */
  #recognize(bytes: Buffer): number {
    for (let at = 0; at < bytes.length; at++) {
      const byte = bytes[at];
      if (byte <= 0x20 || BYTE_ORDER_MARK.has(byte)) continue;
      this.#form = byte === OPEN_BRACE || byte === OPEN_BRACKET ? "json" : "events";
      if (this.#form === "events") this.#lines = new EventLines(this.#finder, needles[this.#member], this.#answer);
      return at;
    }
    return bytes.length;
  }
}
