import { hasBit } from "./bitmap.ts";
import { type DecodedData, dataReaders, newData } from "./call-decoder.ts";
import { writeData } from "./call-encoder.ts";
import { RpcFailure } from "./rpc-failure.ts";
import { FloatList, fieldReaders, readMessage, WireReader } from "./wire-reader.ts";
import { textRoom, type WireWriter, wireType } from "./wire-writer.ts";

/** Longest reason, in bytes. */
const reasonBytes = 200;

const noBytes = new Uint8Array(0);

/** What a call came to; `veto` is a bitmap over positions, empty = none. */
export type AnswerResult =
  | { readonly kind: "scores"; readonly scores: Float32Array; readonly veto: Uint8Array; readonly reason: string }
  | { readonly kind: "values"; readonly values: readonly AnsweredValues[]; readonly reason: string }
  | { readonly kind: "error"; readonly error: AnsweredError };

/** What a call came to, on its way out. */
export interface Answer {
  /** Which call. */
  readonly callId: number;
  /** State that was used. */
  readonly epoch: number;
  /** Revision of it. */
  readonly rev: number;
  /** Time spent on it, in µs; 0 = not measured. */
  readonly pluginUs: number;
  /** What came of it. */
  readonly result: AnswerResult;
}

/** Values of one key, by its number. */
export interface AnsweredValues {
  /** Number of the key. */
  readonly column: number;
  /** One per candidate, `NaN` = unknown. */
  readonly values: Float32Array;
}

/** Why a call or a step of state failed. */
export interface AnsweredError {
  /** Connect code. */
  readonly code: string;
  /** For people. */
  readonly message: string;
  /** With `failed_precondition`: what the plugin has. */
  readonly haveEpoch?: number;
  /** Revision of {@link haveEpoch}. */
  readonly haveRev?: number;
}

/** Appends one `ScoreResponse` as field `field` of the message in progress; `NaN` becomes an abstention. */
export function writeAnswer(writer: WireWriter, field: number, answer: Answer): void {
  const { result } = answer;
  writer.ensure(resultRoom(result));
  const mark = writer.open(field);
  writer.uint32(1, answer.callId);
  writer.uint32(2, answer.epoch);
  writer.uint32(3, answer.rev);
  if (result.kind === "scores") writer.blob(5, writer.knownFloats(4, result.scores));
  if (result.kind === "error") writeError(writer, 6, result.error);
  writer.uint32(7, answer.pluginUs);
  if (result.kind === "scores") writer.blob(8, result.veto);
  if (result.kind === "values") for (const { column, values } of result.values) writeData(writer, 9, column, values);
  if (result.kind !== "error") writer.string(10, result.reason, reasonBytes);
  writer.close(mark);
}

function resultRoom(result: AnswerResult): number {
  const fixed = 64;
  if (result.kind === "error") return fixed + textRoom(result.error.code) + textRoom(result.error.message);
  if (result.kind === "scores") return fixed + reasonBytes + 5 * result.scores.length + result.veto.length;
  return result.values.reduce((room, { values }) => room + 20 + 5 * values.length, fixed + reasonBytes);
}

function writeError(writer: WireWriter, field: number, error: AnsweredError): void {
  const mark = writer.open(field);
  writer.string(1, error.code);
  writer.string(2, error.message);
  writer.uint32(3, error.haveEpoch ?? 0);
  writer.uint32(4, error.haveRev ?? 0);
  writer.close(mark);
}

/** A `ScoreResponse` as it came; one object serves all answers, one after the other. */
export class DecodedAnswer {
  callId = 0;
  epoch = 0;
  rev = 0;
  pluginUs = 0;
  /** Bitmap over positions. */
  abstain: Uint8Array = noBytes;
  /** Bitmap over positions. */
  veto: Uint8Array = noBytes;
  error: RpcFailure | undefined;
  reason = "";
  data: DecodedData[] = [];
  /** Where the scores stand in the frame, as long as they came packed in one piece. */
  #scoresAt = 0;
  #scoresEnd = 0;
  /** The scores, where they came in several pieces. */
  #pieces: FloatList | undefined;
  #bytes: Buffer = Buffer.alloc(0);

  reset(bytes: Buffer): void {
    this.callId = 0;
    this.epoch = 0;
    this.rev = 0;
    this.pluginUs = 0;
    this.abstain = noBytes;
    this.veto = noBytes;
    this.error = undefined;
    this.reason = "";
    if (this.data.length > 0) this.data = [];
    this.#scoresAt = 0;
    this.#scoresEnd = 0;
    this.#pieces = undefined;
    this.#bytes = bytes;
  }

  /** Takes one occurrence of the field `scores`. */
  readScores(reader: WireReader, tag: number): void {
    if (this.#scoresEnd === 0 && this.#pieces === undefined && (tag & 7) === wireType.bytes) {
      this.#scoresEnd = reader.block();
      this.#scoresAt = reader.at;
      reader.at = this.#scoresEnd;
      return;
    }
    this.#pieces ??= this.#firstPiece();
    this.#pieces.append(reader, tag);
  }

  /**
   * Copies the scores to where they are wanted, `NaN` where the plugin abstained.
   * @returns what is wrong with them, and nothing is copied then; empty = nothing.
   */
  copyScores(target: Float32Array): string {
    const byteCount = this.#pieces === undefined ? this.#scoresEnd - this.#scoresAt : 4 * this.#pieces.count;
    if (byteCount !== target.byteLength) return `${byteCount / 4} scores for ${target.length} candidates`;
    if (this.#pieces === undefined) {
      this.#bytes.copy(new Uint8Array(target.buffer, target.byteOffset, byteCount), 0, this.#scoresAt, this.#scoresEnd);
    } else {
      target.set(this.#pieces.toArray());
    }
    return forget(target, this.abstain);
  }

  /** As {@link copyScores}, for one key of a producer; a key that did not come is unknown for all. */
  copyValues(column: number, target: Float32Array): string {
    const found = this.data.find((data) => data.column === column);
    if (found === undefined) return "";
    if (found.values.count !== target.length) return `${found.values.count} values for ${target.length} candidates`;
    target.set(found.values.toArray());
    return forget(target, found.unknown);
  }

  #firstPiece(): FloatList {
    const pieces = new FloatList();
    if (this.#scoresEnd > 0) pieces.appendBytes(this.#bytes.subarray(this.#scoresAt, this.#scoresEnd));
    return pieces;
  }
}

/** Puts `NaN` where a bit is set; all of it, and a complaint, where another number is not finite. */
function forget(values: Float32Array, unknown: Uint8Array): string {
  const someUnknown = unknown.length > 0;
  for (let i = 0; i < values.length; i += 1) {
    if (someUnknown && hasBit(unknown, i)) values[i] = Number.NaN;
    else if (!Number.isFinite(values[i])) {
      const fault = `the number for candidate ${i} is ${values[i]}`;
      values.fill(Number.NaN);
      return fault;
    }
  }
  return "";
}

interface DraftError {
  code: string;
  message: string;
  retryAfterMs: number;
}

const errorReaders = fieldReaders<DraftError>([
  [1, "string", "code"],
  [2, "string", "message"],
  [5, "uint32", "retryAfterMs"],
]);

const answerReaders = fieldReaders<DecodedAnswer>([
  [1, "uint32", "callId"],
  [2, "uint32", "epoch"],
  [3, "uint32", "rev"],
  [4, "bytes", (reader, answer, tag) => answer.readScores(reader, tag)],
  [4, "fixed32", (reader, answer, tag) => answer.readScores(reader, tag)],
  [5, "blob", "abstain"],
  [6, "bytes", readError],
  [7, "uint32", "pluginUs"],
  [8, "blob", "veto"],
  [9, "bytes", (reader, answer) => answer.data.push(readMessage(reader, reader.block(), dataReaders, newData()))],
  [10, "string", "reason"],
]);

interface AnswerSink {
  readonly answer: DecodedAnswer;
  readonly onAnswer: (answer: DecodedAnswer) => void;
}

const resultReaders = fieldReaders<AnswerSink>([
  [
    1,
    "bytes",
    (reader, { answer, onAnswer }) => {
      answer.reset(reader.bytes);
      onAnswer(readMessage(reader, reader.block(), answerReaders, answer));
    },
  ],
]);

/** Reads the answers of `ScoreBatchResult`s, reusing one object for all of them. */
export function createAnswerDecoder(
  onAnswer: (answer: DecodedAnswer) => void,
): (message: Buffer, from: number, to: number) => void {
  const sink: AnswerSink = { answer: new DecodedAnswer(), onAnswer };
  return (message, from, to) => {
    const reader = new WireReader(message);
    reader.at = from;
    readMessage(reader, to, resultReaders, sink);
  };
}

function readError(reader: WireReader, answer: DecodedAnswer): void {
  const draft: DraftError = { code: "unknown", message: "", retryAfterMs: 0 };
  const { code, message, retryAfterMs } = readMessage(reader, reader.block(), errorReaders, draft);
  answer.error = new RpcFailure(code, message, retryAfterMs);
}
