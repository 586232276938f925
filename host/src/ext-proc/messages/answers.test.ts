import { fromBinary } from "@bufbuild/protobuf";
import { type ProcessingResponse, ProcessingResponseSchema } from "@outrider/protos/ext-proc";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeChunkPrefix, encodeImmediate, encodeResponseHeaders, encodeRoute, encodeTrailers } from "./answers.ts";

const runs = { numRuns: 300 };

const text = fc.string({ unit: "grapheme", maxLength: 40 });
const headerPair = fc.tuple(fc.stringMatching(/^[a-z-]{1,20}$/), text);

describe("an answer, encoded by hand, is what protobuf reads", () => {
  it("to the request's headers", () => {
    const names = fc.array(fc.string({ minLength: 1, maxLength: 20 }), { maxLength: 3 });
    fc.assert(
      fc.property(
        fc.string({ minLength: 1, maxLength: 400 }),
        fc.array(headerPair),
        names,
        (destination, set, remove) => {
          const answer = readFrame(encodeRoute(destination, set, remove));
          const key = "x-gateway-destination-endpoint";
          expect(answer.dynamicMetadata).toEqual({ "envoy.lb": { [key]: destination.toWellFormed() } });
          const common = answer.response.case === "requestHeaders" ? answer.response.value.response : undefined;
          expect(common?.clearRouteCache).toBe(true);
          expect(common?.headerMutation?.removeHeaders).toEqual(remove.map((name) => name.toWellFormed()));
          expect(pairsOf(common?.headerMutation?.setHeaders)).toEqual([[key, destination.toWellFormed()], ...set]);
        },
      ),
      runs,
    );
  });

  it("to the response's headers", () => {
    fc.assert(
      fc.property(fc.array(headerPair), (set) => {
        const { response } = readFrame(encodeResponseHeaders(set));
        const common = response.case === "responseHeaders" ? response.value.response : undefined;
        expect(pairsOf(common?.headerMutation?.setHeaders)).toEqual(set);
      }),
      runs,
    );
  });

  for (const part of ["request_trailers", "response_trailers"] as const) {
    it(`to ${part}`, () => {
      const { response } = readFrame(encodeTrailers(part));
      expect(response.case).toBe(part === "request_trailers" ? "requestTrailers" : "responseTrailers");
    });
  }

  it("as an ImmediateResponse", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 200, max: 599 }),
        fc.array(headerPair),
        text,
        text,
        (status, set, said, details) => {
          const { response } = readFrame(encodeImmediate({ status, headers: set, body: said, details }));
          const immediate = response.case === "immediateResponse" ? response.value : undefined;
          expect(immediate?.status?.code).toBe(status);
          expect(Buffer.from(immediate?.body ?? []).toString()).toBe(said);
          expect(immediate?.details).toBe(details);
          expect(pairsOf(immediate?.headers?.setHeaders)).toEqual(set);
          expect(immediate?.headers === undefined).toBe(set.length === 0);
        },
      ),
      runs,
    );
  });

  const sizes = [0, 1, 100, 127, 128, 16_383, 16_384, 62_000, 2 ** 21, 2 ** 21 + 1];
  for (const part of ["request_body", "response_body"] as const) {
    for (const isLast of [false, true]) {
      it(`as a chunk of ${part}, ${isLast ? "the last" : "not the last"}, of any size`, () => {
        for (const size of sizes) {
          const { response } = readFrame(Buffer.concat([encodeChunkPrefix(part, size, isLast), Buffer.alloc(size, 7)]));
          const common =
            response.case === "requestBody" || response.case === "responseBody" ? response.value.response : undefined;
          expect(response.case).toBe(part === "request_body" ? "requestBody" : "responseBody");
          const mutation = common?.bodyMutation?.mutation;
          const streamed = mutation?.case === "streamedResponse" ? mutation.value : undefined;
          expect([streamed?.body.length, streamed?.endOfStream]).toEqual([size, isLast]);
        }
      });
    }
  }
});

/** The message of a frame that fills its buffer. */
function readFrame(frame: Buffer): ProcessingResponse {
  expect(frame[0]).toBe(0);
  expect(frame.readUInt32BE(1)).toBe(frame.length - 5);
  return fromBinary(ProcessingResponseSchema, frame.subarray(5));
}

type Pairs = readonly { readonly header?: { readonly key: string; readonly rawValue: Uint8Array } | undefined }[];

function pairsOf(set: Pairs | undefined): readonly (readonly [string, string])[] {
  return (set ?? []).map(({ header }) => [header?.key ?? "", Buffer.from(header?.rawValue ?? []).toString()]);
}
