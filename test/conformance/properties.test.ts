import { describe, expect, it } from "vitest";
import type { ObservedStream } from "./observation.ts";
import { checkSentences, isUnderstood } from "./properties.ts";
import type { Reply } from "./stream/reply.ts";
import { NotApplicable } from "./verdict.ts";

const blank: Reply = {
  type: "unknown",
  setHeaders: [],
  removeHeaders: [],
  oddHeaders: [],
  clearRouteCache: false,
  dynamicMetadata: undefined,
  body: Buffer.alloc(0),
  change: "none",
  endOfStream: false,
  status: 0,
};
const route = (destination: string, inMetadata = destination): Reply => ({
  ...blank,
  type: "request_headers",
  setHeaders: [["x-gateway-destination-endpoint", destination]],
  dynamicMetadata: { "envoy.lb": { "x-gateway-destination-endpoint": inMetadata } },
});
const body = (bytes: number, endOfStream: boolean): Reply => ({
  ...blank,
  type: "request_body",
  change: "streamed_response",
  body: Buffer.alloc(bytes),
  endOfStream,
});
const stream = (...replies: Reply[]): ObservedStream => ({ sent: [], replies, saved: {}, ends: [], isOverdue: false });
const check = (sentence: string, ...streams: ObservedStream[]) =>
  checkSentences([sentence], { streams, endpoints: ["10.0.0.1:80", "10.0.0.2:80"] });

describe("checkSentences", () => {
  it("refuses a sentence it does not know before it checks any", () => {
    const observation = { streams: [], endpoints: [] };
    expect(() => checkSentences(["1 replies", "the moon is full"], observation)).toThrow(NotApplicable);
    expect(() => checkSentences(["the moon is full"], observation)).toThrow(/in words: the moon is full/);
  });

  const cases = [
    { sentence: "2 replies", good: [route("a:1"), body(3, true)], bad: [route("a:1")] },
    { sentence: "2 replies", good: [route("a:1"), body(3, false), body(3, true)], bad: [] },
    {
      sentence: "2 replies in order request_headers, request_body",
      good: [route("a:1"), body(3, true)],
      bad: [body(3, true), route("a:1")],
    },
    {
      sentence: "immediate_response 503 by the protocol text; llm-d answers 500",
      good: [{ ...blank, type: "immediate_response" as const, status: 503 }],
      bad: [{ ...blank, type: "immediate_response" as const, status: 500 }],
    },
    {
      sentence: "immediate_response 503",
      good: [{ ...blank, type: "immediate_response" as const, status: 503 }],
      bad: [route("a:1")],
    },
    {
      sentence: "request_headers reply with destination 10.0.0.2:80; llm-d ignores the subset here",
      good: [route("10.0.0.2:80")],
      bad: [route("10.0.0.1:80")],
    },
    {
      sentence: "set_headers destination == dynamic_metadata envoy.lb destination",
      good: [route("a:1")],
      bad: [route("a:1", "b:1")],
    },
    {
      sentence: "value ip:port,ip:port without spaces, best first",
      good: [route("10.0.0.1:80,10.0.0.2:80")],
      bad: [route("10.0.0.2:80,10.0.0.1:80")],
    },
    {
      sentence: "three request_body replies of 62000, 62000, 1000 bytes, end_of_stream only on the third",
      good: [body(62_000, false), body(62_000, false), body(1000, true)],
      bad: [body(62_000, false), body(62_000, true), body(1000, true)],
    },
    {
      sentence: "two request_body replies of 2, 1 bytes",
      good: [body(2, false), body(1, true)],
      bad: [body(1, false), body(2, true)],
    },
    { sentence: "x-gateway-destination-endpoint absent", good: [body(1, true)], bad: [route("a:1")] },
    { sentence: "request_body reply/ies with end_of_stream false", good: [body(1, false)], bad: [body(1, true)] },
    { sentence: "destination key present in reply 0 metadata", good: [route("a:1")], bad: [body(1, true)] },
    {
      sentence: "body reply uses body mutation, not streamed_response (or the request is refused clearly)",
      good: [{ ...blank, type: "immediate_response" as const, status: 500 }],
      bad: [body(1, true)],
    },
  ];
  for (const { sentence, good, bad } of cases) {
    it(`tells whether "${sentence}" holds`, () => {
      expect(check(sentence, stream(...good))).toBeUndefined();
      expect(check(sentence, stream(...bad))).toBeTypeOf("string");
    });
  }

  it("compares what streams saved", () => {
    const streams = ["x", "x", "y", ""].map((token) => ({ ...stream(route("a:1")), saved: { token } }));
    expect(check("token of stream 1 == token of stream 2", ...streams)).toBeUndefined();
    expect(check("token of stream 1 == token of stream 3", ...streams)).toMatch(/token/);
    expect(check("token of stream 4 non-empty", ...streams)).toMatch(/empty/);
    expect(check("endpoint of stream 1 == endpoint of stream 2", ...streams)).toBeUndefined();
  });

  it("leaves out what a sentence tells of other implementations", () => {
    expect(isUnderstood("request_trailers reply; llm-d and lwepp never answer here and the request hangs")).toBe(true);
    expect(isUnderstood("request_trailers reply; and then something else")).toBe(false);
  });
});
