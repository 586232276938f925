import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { OutriderError } from "@outrider/core/contract";
import { ScoreBatchResultSchema, type ScoreResponseSchema } from "@outrider/protos/scorer";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Answer, createAnswerDecoder, type DecodedAnswer, writeAnswer } from "./answer-codec.ts";
import { fromBitmap, toBitmap } from "./bitmap.ts";
import { WireWriter } from "./wire-writer.ts";

const uint32 = fc.oneof(fc.nat(300), fc.nat(0xffffffff));
const bytes = fc.uint8Array({ maxLength: 12 });
const finite = fc.float({ noNaN: true, noDefaultInfinity: true });

const response: fc.Arbitrary<MessageInitShape<typeof ScoreResponseSchema>> = fc.record(
  {
    callId: uint32,
    epoch: uint32,
    rev: uint32,
    scores: fc.array(finite, { maxLength: 40 }),
    abstain: bytes,
    error: fc.record({ code: fc.string(), message: fc.string(), haveRev: uint32, retryAfterMs: uint32 }),
    pluginUs: uint32,
    veto: bytes,
    data: fc.array(fc.record({ column: uint32, values: fc.array(finite, { maxLength: 9 }), unknown: bytes }), {
      maxLength: 2,
    }),
    reason: fc.string(),
  },
  { requiredKeys: ["callId", "scores"] },
);

describe("garbage instead of answers", () => {
  it("is refused as a violation, or read, but never anything else", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), readsOrRefuses), { numRuns: 2000 });
  });

  it("is refused where a valid message was cut or changed", () => {
    fc.assert(
      fc.property(response, fc.nat(), fc.nat(255), (result, at, byte) => {
        const valid = toBinary(ScoreBatchResultSchema, create(ScoreBatchResultSchema, { results: [result] }));
        readsOrRefuses(valid.subarray(0, at % valid.length));
        readsOrRefuses(valid.map((old, i) => (i === at % valid.length ? byte : old)));
      }),
    );
  });

  const cases = [
    { title: "fewer scores than candidates", scores: [1, 0.5], abstain: [], want: "2 scores for 3 candidates" },
    { title: "more scores than candidates", scores: [1, 0.5, 0, 1], abstain: [], want: "4 scores for 3 candidates" },
    { title: "no scores at all", scores: [], abstain: [0, 1, 2], want: "0 scores for 3 candidates" },
    { title: "a NaN", scores: [1, Number.NaN, 0], abstain: [], want: "the number for candidate 1 is NaN" },
    { title: "an infinity", scores: [1, 0, Number.POSITIVE_INFINITY], abstain: [1], want: "candidate 2 is Infinity" },
  ];
  for (const { title, scores, abstain, want } of cases) {
    it(`tells of ${title}, and leaves no score`, () => {
      const target = new Float32Array(3).fill(Number.NaN);
      const [fault] = decode([{ scores, abstain: toBitmap(abstain) }], (answer) => answer.copyScores(target));
      expect(fault).toContain(want);
      expect([...target]).toEqual([Number.NaN, Number.NaN, Number.NaN]);
    });
  }

  it("tells of producer values that are not one per candidate", () => {
    const data = [{ column: 4, values: [1, 2] }];
    const [fault] = decode([{ data }], (answer) => answer.copyValues(4, new Float32Array(3)));
    expect(fault).toBe("2 values for 3 candidates");
  });
});

it("reads every answer that protobuf-es writes", () => {
  fc.assert(
    fc.property(fc.array(response, { maxLength: 4 }), (results) => {
      const batch = create(ScoreBatchResultSchema, { results });
      const want = batch.results.map(({ callId, epoch, rev, scores, error, pluginUs, reason, data }) => ({
        callId,
        epoch,
        rev,
        scores,
        pluginUs,
        reason,
        error: error && [error.code || "unknown", error.message, error.retryAfterMs],
        data: data.map(({ column, values }) => [column, values]),
      }));
      const got = decode(results, (answer) => {
        const { callId, epoch, rev, pluginUs, reason, error, data } = answer;
        const scores = new Float32Array(batch.results.find((result) => result.callId === callId)!.scores.length);
        answer.abstain = new Uint8Array(0);
        return {
          callId,
          epoch,
          rev,
          scores: answer.copyScores(scores) === "" ? [...scores] : undefined,
          pluginUs,
          reason,
          error: error && [error.rpcCode, error.message, error.retryAfterMs],
          data: data.map(({ column, values }) => [column, [...values.toArray()]]),
        };
      });
      const unique = new Set(want.map(({ callId }) => callId)).size === want.length;
      if (unique) expect(got).toEqual(want);
    }),
  );
});

it("reads scores that are not packed, or packed in pieces", () => {
  const one = [0, 0, 128, 63];
  const half = [0, 0, 0, 63];
  const forms = [
    [0x25, ...one, 0x25, ...half, 0x25, ...one],
    [0x22, 4, ...one, 0x22, 8, ...half, ...one],
    [0x22, 8, ...one, ...half, 0x25, ...one],
  ];
  for (const fields of forms) {
    const target = new Float32Array(3);
    const decodeAnswers = createAnswerDecoder((answer) => expect(answer.copyScores(target)).toBe(""));
    const message = Buffer.from([0x0a, fields.length, ...fields]);
    decodeAnswers(message, 0, message.length);
    expect([...target]).toEqual([1, 0.5, 1]);
  }
});

it("writes scores that protobuf-es reads, with a bitmap of what is left NaN", () => {
  const scores = fc.array(fc.oneof(finite, fc.constant(Number.NaN)), { minLength: 1, maxLength: 300 });
  fc.assert(
    fc.property(
      uint32,
      uint32,
      scores,
      fc.string({ unit: "grapheme", maxLength: 300 }),
      (callId, pluginUs, values, reason) => {
        const vetoed = values.flatMap((value, i) => (value > 0 ? [i] : []));
        const result = { kind: "scores", scores: Float32Array.from(values), veto: toBitmap(vetoed), reason } as const;
        const answer = { callId, epoch: 1, rev: 2, pluginUs, result };
        const [got] = encode([answer]).results;
        expect(got).toMatchObject({
          callId,
          epoch: 1,
          rev: 2,
          pluginUs,
          scores: values.map((value) => (Number.isNaN(value) ? 0 : value)),
        });
        expect(new Set(fromBitmap(got!.abstain))).toEqual(
          new Set(values.flatMap((value, i) => (Number.isNaN(value) ? [i] : []))),
        );
        expect([...fromBitmap(got!.veto)]).toEqual(vetoed);
        expect(reason.startsWith(got!.reason)).toBe(true);
        expect(Buffer.byteLength(got!.reason)).toBeLessThanOrEqual(200);
      },
    ),
  );
});

it("writes producer values and errors that protobuf-es reads", () => {
  const values = [{ column: 3, values: Float32Array.of(1, Number.NaN) }];
  const error = { code: "failed_precondition", message: "no such revision", haveEpoch: 5, haveRev: 6 };
  const common = { epoch: 1, rev: 2, pluginUs: 9 };
  const { results } = encode([
    { callId: 1, result: { kind: "values", values, reason: "cold" }, ...common },
    { callId: 2, result: { kind: "error", error }, ...common },
  ]);
  expect(results[0]).toMatchObject({ callId: 1, reason: "cold", data: [{ column: 3, values: [1, 0] }] });
  expect([...results[0]!.data[0]!.unknown]).toEqual([2]);
  expect(results[1]).toMatchObject({ callId: 2, scores: [], error });
});

function encode(answers: readonly Answer[]) {
  const writer = new WireWriter();
  writer.begin(0);
  for (const answer of answers) writeAnswer(writer, 1, answer);
  return fromBinary(ScoreBatchResultSchema, new Uint8Array(writer.bytes.subarray(writer.start, writer.at)));
}

function decode<T>(results: MessageInitShape<typeof ScoreResponseSchema>[], read: (answer: DecodedAnswer) => T): T[] {
  const answers: T[] = [];
  const message = Buffer.from(toBinary(ScoreBatchResultSchema, create(ScoreBatchResultSchema, { results })));
  createAnswerDecoder((answer) => answers.push(read(answer)))(message, 0, message.length);
  return answers;
}

function readsOrRefuses(message: Uint8Array): void {
  const target = new Float32Array(4);
  try {
    createAnswerDecoder((answer) => {
      answer.copyScores(target);
      answer.copyValues(1, target);
    })(Buffer.from(message), 0, message.length);
  } catch (error) {
    expect(error).toBeInstanceOf(OutriderError);
    expect(error).toMatchObject({ code: "PROTOCOL_VIOLATION" });
  }
}
