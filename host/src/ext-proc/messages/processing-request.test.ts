import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import type { HeaderValue } from "@outrider/protos/envoy-core";
import { type ProcessingRequest, ProcessingRequestSchema } from "@outrider/protos/ext-proc";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hasServedNamespace, readServed, readSubset, readUpstreamAddress } from "./metadata.ts";
import { decodeProcessingRequest, type ProcessingMessage } from "./processing-request.ts";

const runs = { numRuns: 300 };

const text = fc.string({ unit: "grapheme", maxLength: 40 });
const bytes = fc.uint8Array({ maxLength: 300 });
const header = fc.record({ key: fc.string({ maxLength: 20 }), value: text, rawValue: bytes });
const headers = fc.record({
  headers: fc.record({ headers: fc.array(header, { maxLength: 8 }) }),
  endOfStream: fc.boolean(),
});
const body = fc.record({ body: bytes, endOfStream: fc.boolean() });
const trailers = fc.record({ trailers: fc.record({ headers: fc.array(header, { maxLength: 3 }) }) });
const part = fc.oneof(
  fc.record({ case: fc.constantFrom("requestHeaders", "responseHeaders"), value: headers }),
  fc.record({ case: fc.constantFrom("requestBody", "responseBody"), value: body }),
  fc.record({ case: fc.constantFrom("requestTrailers", "responseTrailers"), value: trailers }),
  fc.constant({ case: undefined }),
);
const struct = fc.dictionary(
  fc.constantFrom("x-gateway-destination-endpoint-subset", "x-gateway-destination-endpoint-served", "other"),
  fc.oneof(text, fc.array(fc.oneof(text, fc.integer())), fc.double({ noNaN: true }), fc.boolean(), fc.constant(null)),
  { maxKeys: 3 },
);
const metadata = fc.dictionary(fc.constantFrom("envoy.lb", "envoy.lb.subset_hint", "other"), struct, { maxKeys: 3 });
const attributes = fc.dictionary(fc.constantFrom("upstream.address", "response.code"), fc.oneof(text, fc.integer()), {
  maxKeys: 2,
});
const request = fc.record({
  request: part,
  metadataContext: fc.option(fc.record({ filterMetadata: metadata }), { nil: undefined }),
  attributes: fc.dictionary(fc.constantFrom("envoy.filters.http.ext_proc", "other"), attributes, { maxKeys: 2 }),
  observabilityMode: fc.boolean(),
  protocolConfig: fc.option(
    fc.record({ requestBodyMode: fc.integer({ min: 0, max: 9 }), responseBodyMode: fc.nat(9) }),
    {
      nil: undefined,
    },
  ),
});

/** A field that no version knows, of each wire type. */
const unknownField = fc.constantFrom(
  Buffer.from("f87f01", "hex"),
  Buffer.from("fa7f03616263", "hex"),
  Buffer.from("f97f0102030405060708", "hex"),
  Buffer.from("fd7f01020304", "hex"),
  Buffer.from("fb7f08011203616263fc7f", "hex"),
);

describe("a request, decoded by hand", () => {
  it("is what protobuf says it is", () => {
    fc.assert(
      fc.property(request, (init) => {
        const wire = toBinary(ProcessingRequestSchema, create(ProcessingRequestSchema, init as never));
        expectSame(Buffer.from(wire));
      }),
      runs,
    );
  });

  it("is merged from pieces in any order, with unknown fields between", () => {
    const pieces = fc.array(fc.oneof(request, unknownField), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(pieces, (list) => {
        const wires = list.map((piece) =>
          Buffer.isBuffer(piece)
            ? piece
            : toBinary(ProcessingRequestSchema, create(ProcessingRequestSchema, piece as never)),
        );
        expectSame(Buffer.concat(wires));
      }),
      runs,
    );
  });

  it("is a message or the one fault, whatever is broken in it", () => {
    fc.assert(
      fc.property(request, fc.nat(), fc.integer({ min: 0, max: 255 }), fc.boolean(), (init, at, byte, isCut) => {
        const wire = Buffer.from(toBinary(ProcessingRequestSchema, create(ProcessingRequestSchema, init as never)));
        const broken = Buffer.from(isCut ? wire.subarray(0, at % (wire.length + 1)) : wire);
        if (!isCut && broken.length > 0) broken[at % broken.length] = byte;
        expectViolationOrMessage(broken);
      }),
      runs,
    );
  });

  const malformed = [
    { title: "ends within a tag", hex: "80" },
    { title: "ends within a length", hex: "1280" },
    { title: "is longer than its message", hex: "120a00" },
    { title: "has field 0", hex: "0200" },
    { title: "has a wire type that is none", hex: "16" },
    { title: "has a number of eleven bytes", hex: "50ffffffffffffffffffff01" },
    { title: "ends a group that never began", hex: "fc7f" },
    { title: "ends a group as another", hex: "fb7ff47f" },
    { title: "never ends a group", hex: "fb7f0801" },
    { title: "has a length beyond any message", hex: "12ffffffff0f" },
    { title: "holds headers that are none", hex: "12040a020a05" },
    { title: "nests groups without end", hex: "fb7f".repeat(200) },
  ];
  for (const { title, hex } of malformed) {
    it(`is refused where it ${title}`, () => {
      expect(() => decode(Buffer.from(hex, "hex"))).toThrow(expect.objectContaining({ code: "PROTOCOL_VIOLATION" }));
    });
  }
});

function decode(wire: Buffer): ProcessingMessage {
  return decodeProcessingRequest(wire, 0, wire.length);
}

/** Both readers agree on the message. */
function expectSame(wire: Buffer): void {
  const expected = summarizeExpected(fromBinary(ProcessingRequestSchema, wire));
  expect(summarize(decode(wire), expected.names)).toEqual(expected);
}

/** Whatever the bytes, a message that can be read or the one error. */
function expectViolationOrMessage(wire: Buffer): void {
  let message: ProcessingMessage | undefined;
  try {
    message = decode(wire);
    readSubset(wire, message.metadata);
    readServed(wire, message.metadata);
    hasServedNamespace(wire, message.metadata);
    readUpstreamAddress(wire, message.attributes);
  } catch (error) {
    expect(error).toMatchObject({ code: "PROTOCOL_VIOLATION" });
  }
  if (message === undefined) return;
  expect(message.headers?.size ?? 0).toBeLessThanOrEqual(wire.length);
}

/** @param names headers to look up, in lower case. */
function summarize(message: ProcessingMessage, names: readonly string[]) {
  return {
    kind: message.kind,
    endOfStream: message.endOfStream,
    names,
    headers: names.map((name) => message.headers?.get(name)),
    headerBytes: message.headers?.size,
    body: message.body?.toString("hex"),
    modes: message.modes,
    subset: readSubset(message.bytes, message.metadata),
    served: readServed(message.bytes, message.metadata),
    hasServedNamespace: hasServedNamespace(message.bytes, message.metadata),
    upstream: readUpstreamAddress(message.bytes, message.attributes),
  };
}

const kinds = {
  requestHeaders: "request_headers",
  responseHeaders: "response_headers",
  requestBody: "request_body",
  responseBody: "response_body",
  requestTrailers: "request_trailers",
  responseTrailers: "response_trailers",
} as const;

function summarizeExpected({
  request: { case: kind, value },
  metadataContext,
  protocolConfig: modes,
  attributes: told,
}: ProcessingRequest) {
  const isHeaders = kind === "requestHeaders" || kind === "responseHeaders";
  const isBody = kind === "requestBody" || kind === "responseBody";
  const list = isHeaders ? (value.headers?.headers ?? []) : [];
  const spaces = metadataContext?.filterMetadata ?? {};
  const served = spaces["envoy.lb"]?.["x-gateway-destination-endpoint-served"];
  const upstream = told["envoy.filters.http.ext_proc"]?.["upstream.address"];
  const names = list.map(({ key }) => lowerAscii(key));
  return {
    kind: kind === undefined ? undefined : kinds[kind],
    endOfStream: isHeaders || isBody ? value.endOfStream : false,
    names,
    headers: names.map((name) => textOf(list.findLast(({ key }) => lowerAscii(key) === name))),
    headerBytes: isHeaders ? list.reduce((sum, header) => sum + bytesOf(header), 0) : undefined,
    body: isBody ? Buffer.from(value.body).toString("hex") : undefined,
    modes: modes && { requestBody: modes.requestBodyMode, responseBody: modes.responseBodyMode },
    subset: expectedSubset(spaces["envoy.lb.subset_hint"]?.["x-gateway-destination-endpoint-subset"]),
    served: typeof served === "string" ? served : undefined,
    hasServedNamespace: spaces["envoy.lb"] !== undefined,
    upstream: typeof upstream === "string" ? upstream : undefined,
  };
}

function lowerAscii(name: string): string {
  return Buffer.from(name).toString("latin1").toLowerCase();
}

function textOf(header: HeaderValue | undefined): string {
  const { value = "", rawValue = Buffer.alloc(0) } = header ?? {};
  return rawValue.length > 0 ? Buffer.from(rawValue).toString() : value;
}

function bytesOf({ key, value, rawValue }: HeaderValue): number {
  return Buffer.byteLength(key) + (rawValue.length > 0 ? rawValue.length : Buffer.byteLength(value));
}

function expectedSubset(value: unknown): readonly string[] | undefined {
  if (value === undefined || value === null) return undefined;
  const items: readonly unknown[] = Array.isArray(value) ? value : [value];
  return items
    .flatMap((item) => (typeof item === "string" ? item.split(",") : []))
    .map((item) => item.trim())
    .filter((item) => item !== "");
}
