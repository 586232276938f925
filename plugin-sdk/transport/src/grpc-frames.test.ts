import { OutriderError } from "@outrider/core/contract";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createFrameDecoder, encodeFrame } from "./grpc-frames.ts";

const hello = encodeFrame(Buffer.from("hello"));

describe("a bad body", () => {
  const cases = [
    { title: "refuses a compressed frame", chunks: [Buffer.from([1, 0, 0, 0, 0])], want: /flags 1/ },
    {
      title: "refuses an oversize frame by its header",
      chunks: [Buffer.from([0, 0, 16, 0, 1])],
      want: /1048577 bytes/,
    },
    {
      title: "refuses a length with its highest bit set",
      chunks: [Buffer.from([0, 255, 255, 255, 255])],
      want: /4294967295/,
    },
    {
      title: "refuses an oversize frame whose header is split",
      chunks: [
        [0, 255],
        [0, 0, 0, 1],
      ].map(Buffer.from),
      want: /bytes/,
    },
    { title: "names a body that ends in a header", chunks: [hello.subarray(0, 3)], want: /after 3 bytes/ },
    { title: "names a body that ends in a message", chunks: [hello, hello.subarray(0, 7)], want: /after 7 bytes/ },
  ];
  for (const { title, chunks, want } of cases) {
    it(title, () => {
      const decoder = createFrameDecoder(() => {});
      const decode = () => {
        for (const chunk of chunks) decoder.push(chunk as Buffer);
        decoder.end();
      };
      expect(decode).toThrow(want);
      expect(decode).toThrow(OutriderError);
    });
  }

  it("counts what has arrived of a frame that announces more", () => {
    const decoder = createFrameDecoder(() => {});
    decoder.push(Buffer.from([0, 0, 15, 0, 0, 7]));
    expect(decoder.pendingBytes).toBe(6);
  });

  it("is unusable from a message on that is refused when it begins", () => {
    const decoder = createFrameDecoder(
      () => {},
      100,
      (bytes) => {
        throw new Error(`no room for ${bytes}`);
      },
    );
    expect(() => decoder.push(encodeFrame(Buffer.alloc(60)).subarray(0, 10))).toThrow("no room for 60");
  });
});

it("finds the same messages however the body is cut", () => {
  const messages = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 6 });
  const cuts = fc.array(fc.integer({ min: 1, max: 17 }), { minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(messages, cuts, (sent, sizes) => {
      const got: string[] = [];
      const decoder = createFrameDecoder((message) => got.push(message.toString("hex")));
      for (const chunk of cut(Buffer.concat(sent.map(encodeFrame)), sizes)) decoder.push(chunk);
      decoder.end();
      expect(got).toEqual(sent.map((message) => Buffer.from(message).toString("hex")));
    }),
  );
});

it("hands on a message within one chunk without copying it", () => {
  let got: Buffer | undefined;
  createFrameDecoder((message) => {
    got = message;
  }).push(hello);
  expect(got?.buffer).toBe(hello.buffer);
});

it("tells the length of each message that comes in pieces, before it is complete, and of no other", () => {
  const told: string[] = [];
  const decoder = createFrameDecoder(
    (message) => told.push(`got ${message.length}`),
    100,
    (bytes) => told.push(`partial ${bytes}`),
  );
  const body = Buffer.concat([5, 20, 7, 30].map((length) => encodeFrame(Buffer.alloc(length))));
  for (const chunk of [body.subarray(0, 16), body.subarray(16, 40), body.subarray(40)]) decoder.push(chunk);
  expect(told).toEqual(["got 5", "partial 20", "got 20", "partial 7", "got 7", "got 30"]);
});

it("gives a message in pieces a buffer of its own, of its length", () => {
  const got: Buffer[] = [];
  const decoder = createFrameDecoder((message) => got.push(message));
  const frame = encodeFrame(Buffer.alloc(50_000, 7));
  for (let at = 0; at < frame.length; at += 16_384) decoder.push(frame.subarray(at, at + 16_384));
  expect(got.map(({ length, buffer }) => [length, buffer.byteLength])).toEqual([[50_000, 50_000]]);
  expect(got[0]).toEqual(Buffer.alloc(50_000, 7));
});

it("accepts a message of exactly the limit", () => {
  let length = -1;
  const decoder = createFrameDecoder((message) => {
    length = message.length;
  }, 100);
  decoder.push(encodeFrame(Buffer.alloc(100)));
  expect(length).toBe(100);
});

function cut(body: Buffer, sizes: readonly number[]): Buffer[] {
  const chunks: Buffer[] = [];
  for (let at = 0, turn = 0; at < body.length; turn += 1) {
    const size = sizes[turn % sizes.length]!;
    chunks.push(body.subarray(at, at + size));
    at += size;
  }
  return chunks;
}
