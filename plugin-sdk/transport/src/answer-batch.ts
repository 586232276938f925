import { type Answer, writeAnswer } from "./answer-codec.ts";
import { batchTag, finishFrame, framePrefixBytes, fullBatchBytes } from "./frame-writer.ts";
import { WireWriter } from "./wire-writer.ts";

/** Collects answers into one `ScoreBatchResult` frame. */
export interface AnswerBatch {
  /** Answers waiting to be taken. */
  readonly size: number;
  /** Whether it should be taken now, however many are still to come. */
  readonly isFull: boolean;
  /** Appends an answer. */
  add(answer: Answer): void;
  /** The frame, header included; the batch is empty afterwards. */
  take(): Buffer;
}

/** A batch without answers. */
export function createAnswerBatch(): AnswerBatch {
  const writer = new WireWriter();
  let size = 0;
  return {
    get size() {
      return size;
    },
    get isFull() {
      return size > 0 && writer.at - writer.start >= fullBatchBytes;
    },
    add(answer) {
      if (size === 0) writer.begin(framePrefixBytes);
      writeAnswer(writer, 1, answer);
      size += 1;
    },
    take() {
      size = 0;
      return finishFrame(writer, batchTag);
    },
  };
}
