import { fromBinary } from "@bufbuild/protobuf";
import { type ProcessingResponse, ProcessingResponseSchema } from "@outrider/protos/ext-proc";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  answerFields,
  encodeChunkPrefix,
  encodeHeaders,
  encodeImmediate,
  encodeReplacedBody,
  encodeRoute,
  encodeTrailersRoute,
  encodeUnchanged,
  type ModeOverride,
  type RouteAnswer,
} from "./answers.ts";

const runs = { numRuns: 300 };

const text = fc.string({ unit: "grapheme", maxLength: 40 });
const headerPair = fc.tuple(fc.stringMatching(/^[a-z-]{1,20}$/), text);

const headerNames = fc.array(fc.string({ minLength: 1, maxLength: 20 }), { maxLength: 3 });
const scores = fc.array(fc.tuple(fc.stringMatching(/^[0-9.:]{1,20}$/), fc.double({ noNaN: true })), { maxLength: 4 });
const override = fc.option(fc.record({ requestBody: fc.nat(4), responseBody: fc.nat(4) }), { nil: undefined });
const route = fc.record({
  destination: fc.string({ minLength: 1, maxLength: 400 }),
  scores,
  set: fc.array(headerPair),
  remove: headerNames,
  override,
});

describe("an answer, encoded by hand, is what protobuf reads", () => {
  for (const part of ["request_headers", "request_body"] as const) {
    it(`that tells a route: to ${part}`, () => {
      fc.assert(
        fc.property(route, (told) => {
          const answer = readFrame(encodeRoute(part, told));
          const { response } = answer;
          expect(response.case).toBe(part === "request_headers" ? "requestHeaders" : "requestBody");
          expectRoute(answer, told);
          const common = commonOf(answer);
          expect(common?.clearRouteCache).toBe(true);
          expect(common?.bodyMutation).toBeUndefined();
          expect(common?.headerMutation?.removeHeaders).toEqual(told.remove.map((name) => name.toWellFormed()));
          const destination = ["x-gateway-destination-endpoint", told.destination.toWellFormed()];
          expect(pairsOf(common?.headerMutation?.setHeaders)).toEqual([destination, ...told.set]);
        }),
        runs,
      );
    });
  }

  it("that tells a route and replaces a body of any size", () => {
    fc.assert(
      fc.property(route, fc.constantFrom(0, 1, 127, 128, 20_000, 3_000_000), (told, size) => {
        const answer = readFrame(Buffer.concat([encodeRoute("request_body", told, size), Buffer.alloc(size, 7)]));
        expectRoute(answer, told);
        const mutation = commonOf(answer)?.bodyMutation?.mutation;
        expect(mutation).toMatchObject({ case: "body", value: { length: size } });
        expect(commonOf(answer)?.headerMutation?.setHeaders).toHaveLength(1 + told.set.length);
      }),
      { numRuns: 60 },
    );
  });

  it("that tells a route behind trailers, as metadata alone", () => {
    fc.assert(
      fc.property(route, (told) => {
        const answer = readFrame(encodeTrailersRoute(told));
        expect(answer.response.case).toBe("requestTrailers");
        expectRoute(answer, { ...told, override: undefined });
      }),
      runs,
    );
  });

  for (const part of ["request_headers", "response_headers"] as const) {
    it(`that changes ${part}`, () => {
      fc.assert(
        fc.property(fc.array(headerPair), headerNames, override, (set, remove, asked) => {
          const answer = readFrame(encodeHeaders(part, { set, remove, override: asked }));
          expect(answer.response.case).toBe(part === "request_headers" ? "requestHeaders" : "responseHeaders");
          const mutation = commonOf(answer)?.headerMutation;
          expect(pairsOf(mutation?.setHeaders)).toEqual(set);
          expect(mutation?.removeHeaders).toEqual(remove.map((name) => name.toWellFormed()));
          expectOverride(answer, asked);
        }),
        runs,
      );
    });
  }

  const parts = Object.keys(answerFields) as (keyof typeof answerFields)[];
  for (const part of parts) {
    it(`that changes nothing of ${part}`, () => {
      const { response } = readFrame(encodeUnchanged(part));
      expect(response.case).toBe(part.replace(/_./, (end) => (end[1] ?? "").toUpperCase()));
      expect(response.value).toEqual(expect.not.objectContaining({ response: expect.anything() }));
    });
  }

  it("that replaces a message of a response's body", () => {
    for (const size of [0, 1, 127, 128, 62_000, 2 ** 21 + 1]) {
      const { response } = readFrame(Buffer.concat([encodeReplacedBody(size), Buffer.alloc(size, 7)]));
      const mutation = response.case === "responseBody" ? response.value.response?.bodyMutation?.mutation : undefined;
      expect(mutation).toMatchObject({ case: "body", value: { length: size } });
    }
  });

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

function commonOf({ response }: ProcessingResponse) {
  const { case: kind, value } = response;
  const hasCommon =
    kind === "requestHeaders" || kind === "responseHeaders" || kind === "requestBody" || kind === "responseBody";
  return hasCommon ? value.response : undefined;
}

/** Destination and scores stand in the metadata, and the asked modes beside them. */
function expectRoute(answer: ProcessingResponse, { destination, scores: told, override: asked }: RouteAnswer): void {
  const space = answer.dynamicMetadata?.["envoy.lb"] as Record<string, unknown>;
  expect(space["x-gateway-destination-endpoint"]).toBe(destination.toWellFormed());
  const want = told.length === 0 ? undefined : Object.fromEntries(told);
  expect(space["x-gateway-destination-endpoint-scores"]).toEqual(want);
  expectOverride(answer, asked);
}

function expectOverride({ modeOverride }: ProcessingResponse, asked: ModeOverride | undefined): void {
  const got = modeOverride && {
    requestBody: modeOverride.requestBodyMode,
    responseBody: modeOverride.responseBodyMode,
  };
  expect(got).toEqual(asked);
  expect(modeOverride?.responseTrailerMode ?? 0).toBe(asked !== undefined && asked.responseBody !== 0 ? 1 : 0);
}

type Pairs = readonly { readonly header?: { readonly key: string; readonly rawValue: Uint8Array } | undefined }[];

function pairsOf(set: Pairs | undefined): readonly (readonly [string, string])[] {
  return (set ?? []).map(({ header }) => [header?.key ?? "", Buffer.from(header?.rawValue ?? []).toString()]);
}
