import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createPageBuffers } from "./page-buffers.ts";
import { createResponseReader } from "./response-reader.ts";

const ok = "HTTP/1.1 200 OK\r\n";

describe("an answer that brings no page", () => {
  const faults = [
    { title: "is no HTTP", answer: "SSH-2.0-OpenSSH_9.6\r\n\r\n", reason: "protocol" },
    { title: "is HTTP/2", answer: "HTTP/2 200\r\n\r\n", reason: "protocol" },
    { title: "has a head without end", answer: `${ok}x: ${"y".repeat(17_000)}`, reason: "protocol" },
    { title: "has status 500", answer: "HTTP/1.1 500 Oops\r\ncontent-length: 4\r\n\r\nOops", reason: "status" },
    { title: "has status 204", answer: "HTTP/1.1 204 No Content\r\n\r\n", reason: "status" },
    { title: "redirects", answer: "HTTP/1.1 301\r\nlocation: /x\r\n\r\n", reason: "status" },
    { title: "switches protocols", answer: "HTTP/1.1 101 Switching\r\n\r\n", reason: "status" },
    { title: "is compressed", answer: `${ok}Content-Encoding: gzip\r\ncontent-length: 1\r\n\r\nx`, reason: "encoding" },
    { title: "has a negative length", answer: `${ok}content-length: -1\r\n\r\n`, reason: "protocol" },
    { title: "has two lengths", answer: `${ok}content-length: 1\r\ncontent-length: 2\r\n\r\nx`, reason: "protocol" },
    { title: "has an unknown coding", answer: `${ok}transfer-encoding: gzip, chunked\r\n\r\n`, reason: "protocol" },
    { title: "tells too great a length", answer: `${ok}content-length: 1001\r\n\r\n`, reason: "too_large" },
    { title: "is too large in chunks", answer: chunked("x".repeat(600), "y".repeat(600)), reason: "too_large" },
    { title: "never ends", answer: `${ok}\r\n${"x".repeat(1_001)}`, reason: "too_large" },
    { title: "has a chunk of no size", answer: `${ok}transfer-encoding: chunked\r\n\r\nzz\r\n`, reason: "protocol" },
    {
      title: "has a chunk longer than told",
      answer: `${ok}transfer-encoding: chunked\r\n\r\n1\r\nab\r\n`,
      reason: "protocol",
    },
  ];
  for (const { title, answer, reason } of faults) {
    it(`is a fault of reason ${reason} where it ${title}`, () => {
      expect(readAll([answer]).result).toMatchObject({ reason });
      expect(readAll([...answer]).result).toMatchObject({ reason });
    });
  }

  const halves = [
    { title: "no bytes", answer: "" },
    { title: "half a head", answer: `${ok}content-le` },
    { title: "half a body", answer: `${ok}content-length: 10\r\n\r\nabc` },
    { title: "half its chunks", answer: `${ok}transfer-encoding: chunked\r\n\r\n5\r\nabcde\r\n` },
    { title: "half a line and no length", answer: `${ok}\r\nabc\nde` },
  ];
  for (const { title, answer } of halves) {
    it(`is a fault of reason reset where the connection ends behind ${title}`, () => {
      const { reader } = readAll([answer]);
      expect(reader.end()).toMatchObject({ reason: "reset" });
    });
  }

  it("throws at no bytes and holds no more than the largest page", () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc.constantFrom(...pieces.map((text) => Buffer.from(text))),
    );
    fc.assert(
      fc.property(fc.array(bytes, { maxLength: 12 }), (parts) => {
        const reader = createResponseReader(1_000, createPageBuffers());
        for (const part of parts) {
          const result = reader.read(Buffer.from(part));
          if (Buffer.isBuffer(result)) expect(result.length).toBeLessThanOrEqual(1_000);
          if (result !== undefined) return;
        }
        reader.end();
      }),
      { numRuns: 500 },
    );
  });
});

describe("an answer with a page", () => {
  const answers = [
    { title: "with a length", answer: `${ok}Content-Length: 5\r\n\r\nab\nc\n`, keepAlive: true },
    { title: "in chunks", answer: chunked("ab\n", "c", "\n"), keepAlive: true },
    { title: "in chunks with extensions and trailers", answer: extendedChunks(), keepAlive: true },
    {
      title: "behind an interim head",
      answer: `HTTP/1.1 103 Hint\r\n\r\n${ok}content-length:5\r\n\r\nab\nc\n`,
      keepAlive: true,
    },
    {
      title: "on a connection to close",
      answer: `${ok}connection: Close\r\ncontent-length: 5\r\n\r\nab\nc\n`,
      keepAlive: false,
    },
    { title: "of HTTP/1.0", answer: "HTTP/1.0 200 OK\r\ncontent-length: 5\r\n\r\nab\nc\n", keepAlive: false },
    {
      title: "of HTTP/1.0 that stays",
      answer: "HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 5\r\n\r\nab\nc\n",
      keepAlive: true,
    },
    {
      title: "with identity named",
      answer: `${ok}content-encoding: identity\r\ncontent-length: 5\r\n\r\nab\nc\n`,
      keepAlive: true,
    },
  ];
  for (const { title, answer, keepAlive } of answers) {
    it(`is whole however its bytes come, ${title}`, () => {
      for (const parts of splits(answer)) {
        const { reader, result } = readAll(parts);
        expect(toText(result)).toBe("ab\nc\n");
        expect(reader.keepAlive).toBe(keepAlive);
      }
    });
  }

  it("is whole at the end of the connection where nothing else tells", () => {
    for (const parts of splits(`${ok}\r\nab\nc\n`)) expect(toText(readAll(parts).reader.end())).toBe("ab\nc\n");
  });

  it("closes a connection that brings more than was asked for", () => {
    expect(readAll([`${ok}content-length: 3\r\n\r\nab\nHTTP`]).reader.keepAlive).toBe(false);
    expect(readAll([`${chunked("ab\n")}HTTP`]).reader.keepAlive).toBe(false);
  });

  it("is not copied where it came in one read", () => {
    const reader = createResponseReader(1_000, createPageBuffers());
    const bytes = Buffer.from(`${ok}content-length: 3\r\n\r\nab\n`);
    expect((reader.read(bytes) as Buffer).buffer).toBe(bytes.buffer);
  });

  it("takes no memory anew once pages that come in parts have been read", () => {
    const buffers = createPageBuffers();
    const reader = createResponseReader(1_000, buffers);
    const seen = new Set<ArrayBufferLike>();
    for (let i = 0; i < 5; i++) {
      reader.reset();
      reader.read(Buffer.from(`${ok}content-length: 3\r\n\r\na`));
      seen.add((reader.read(Buffer.from("b\n")) as Buffer).buffer);
    }
    expect(seen.size).toBe(1);
  });
});

function readAll(parts: readonly string[]) {
  const reader = createResponseReader(1_000, createPageBuffers());
  let result: ReturnType<typeof reader.read>;
  for (const part of parts) result ??= reader.read(Buffer.from(part));
  return { reader, result };
}

function toText(result: ReturnType<typeof readAll>["result"]): string {
  return Buffer.isBuffer(result) ? result.toString() : JSON.stringify(result);
}

/** A text whole, byte by byte, and cut in two at each place. */
function splits(text: string): (readonly string[])[] {
  return [[text], [...text], ...Array.from(text, (_, i) => [text.slice(0, i), text.slice(i)])];
}

function chunked(...chunks: readonly string[]): string {
  const parts = [...chunks, ""].map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`);
  return `${ok}Transfer-Encoding: chunked\r\n\r\n${parts.join("")}`;
}

function extendedChunks(): string {
  return `${ok}transfer-encoding: chunked\r\n\r\n3;name="v"\r\nab\n\r\n02 \r\nc\n\r\n0\r\nx-sum: 1\r\n\r\n`;
}

const pieces = [
  ok,
  "\r\n",
  "content-length: 3\r\n",
  "transfer-encoding: chunked\r\n",
  "3\r\nabc\r\n",
  "0\r\n\r\n",
  "fffffff\r\n",
];
