import { type BlockChain, type ChainStart, createBlockChain } from "../hash/index.ts";
import { type AnswerForm, type AnswerFrame, readAnswerText } from "./answer-text.ts";

/** What is kept of a prompt until its answer comes, so that its block hashes go on behind those of the prompt. */
export interface AnswerStart extends AnswerFrame {
  /** How the answer stands in the response. */
  readonly form: AnswerForm;
  /** Where the hashes of the prompt end. */
  readonly chain: ChainStart;
}

/** Hashes the blocks that an answer completes behind its prompt, as the next turn's prompt will hold it. */
export interface AnswerReader {
  /** Whether what comes is looked at. */
  readonly isReading: boolean;
  /** Takes a part of a JSON text; its bytes are only read during the call. */
  read(bytes: Buffer, start: number, end: number): void;
  /** The JSON text is whole. */
  endText(): void;
  /** The response is over: hashes of the blocks, two words each; none where the answer is not to be learned. */
  finish(): Uint32Array;
}

/** Longest JSON that is looked into, in bytes: of a longer body or event nothing is told. */
export const maxAnswerJsonBytes = 2 ** 17;

const leastRoom = 512;
const noHashes = new Uint32Array(0);
const noBytes = Buffer.alloc(0);

/** Reads from the start of a response. */
export function createAnswerReader(start: AnswerStart): AnswerReader {
  return new ChainedAnswerReader(start);
}

class ChainedAnswerReader implements AnswerReader {
  isReading = true;
  readonly #form: AnswerForm;
  readonly #closer: string;
  readonly #opener: string;
  /** `undefined` from when the answer is known not to be learned. */
  #chain: BlockChain | undefined;
  #hasText = false;
  #json = noBytes;
  #length = 0;

  constructor({ form, chain, opener, closer }: AnswerStart) {
    this.#form = form;
    this.#opener = opener;
    this.#closer = closer;
    this.#chain = createBlockChain(chain);
  }

  read(bytes: Buffer, start: number, end: number): void {
    if (!this.isReading) return;
    const length = this.#length + end - start;
    if (length > maxAnswerJsonBytes) {
      this.#giveUp();
      return;
    }
    if (length > this.#json.length) this.#makeRoom(length);
    bytes.copy(this.#json, this.#length, start, end);
    this.#length = length;
  }

  endText(): void {
    if (this.#length === 0) return;
    const text = readAnswerText(this.#form, parse(this.#json.toString("utf8", 0, this.#length)));
    this.#length = 0;
    if (text === undefined) this.#giveUp();
    else if (text !== "") this.#add(text);
  }

  finish(): Uint32Array {
    this.endText();
    this.#stop();
    if (!this.#hasText || this.#chain === undefined) return noHashes;
    this.#chain.add(this.#closer);
    return this.#chain.end();
  }

  #add(text: string): void {
    if (!this.#hasText) this.#chain?.add(this.#opener);
    this.#hasText = true;
    this.#chain?.add(text);
    if (this.#chain?.isFull === true) this.#stop();
  }

  #giveUp(): void {
    this.#chain = undefined;
    this.#stop();
  }

  #stop(): void {
    this.isReading = false;
    this.#json = noBytes;
    this.#length = 0;
  }

  #makeRoom(bytes: number): void {
    const room = Buffer.allocUnsafe(Math.max(leastRoom, 2 ** Math.ceil(Math.log2(bytes))));
    this.#json.copy(room, 0, 0, this.#length);
    this.#json = room;
  }
}

/** `undefined` where the text is no JSON. */
function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}
