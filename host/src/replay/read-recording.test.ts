import { describe, expect, it } from "vitest";
import { type Entry, header, startMs, toBytes, writeBytes } from "./fixtures/write-recording.ts";
import { maxRecordBytes, readRecording } from "./read-recording.ts";

const frame = (process: string, size = 0): Entry => {
  return { case: "frame", value: { process, atMs: startMs, frame: { case: "invalid", value: new Uint8Array(size) } } };
};

async function casesOf(path: string): Promise<readonly (string | undefined)[]> {
  const cases: (string | undefined)[] = [];
  for await (const { entry } of readRecording(path)) cases.push(entry.case);
  return cases;
}

const first = toBytes(header);
const tooLong = Uint8Array.of(0x81, 0x80, 0x80, 0x20);
const otherFormat: Entry = { case: "header", value: { format: "outrider.record.v2" } };

describe("bad input", () => {
  const broken = [
    { title: "an empty file", parts: [], message: "byte 0: the file ends before its first entry is complete" },
    {
      title: "a first entry that is cut short",
      parts: [first.subarray(0, 9)],
      message: "byte 0: the file ends before",
    },
    {
      title: "text",
      parts: [Buffer.from("hello, this is no recording. ".repeat(9))],
      message: "byte 1: 104 bytes that are no entry",
    },
    {
      title: "another format",
      parts: [toBytes(otherFormat)],
      message: 'byte 0: the header names the format "outrider',
    },
    {
      title: "a recording without header",
      parts: [toBytes(frame("p"))],
      message: "begins with a header, this file with frame",
    },
    { title: "an entry of no known kind in front", parts: [Uint8Array.of(0), first], message: "with nothing known" },
    {
      title: "garbage behind the header",
      parts: [first, Uint8Array.of(3, 7, 7, 7)],
      message: `byte ${first.length + 1}: 3 bytes`,
    },
    {
      title: "a length without end",
      parts: [first, new Uint8Array(9).fill(0xff)],
      message: `byte ${first.length}: what stands`,
    },
    {
      title: "an entry of more than 64 MiB",
      parts: [first, tooLong],
      message: `byte ${first.length}: an entry of ${maxRecordBytes + 1} bytes`,
    },
  ];
  for (const { title, parts, message } of broken) {
    it(`refuses ${title}, and says where`, async () => {
      await expect(casesOf(writeBytes(...parts))).rejects.toThrow(message);
    });
  }

  it("says which file cannot be read", async () => {
    await expect(casesOf("/nowhere/frames.bin")).rejects.toThrow("/nowhere/frames.bin");
  });

  it("leaves out a last entry that is cut short", async () => {
    const last = toBytes(frame("p", 300));
    for (const kept of [1, 2, last.length - 1]) {
      expect(await casesOf(writeBytes(first, toBytes(frame("p")), last.subarray(0, kept)))).toEqual([
        "header",
        "frame",
      ]);
    }
  });
});

describe("readRecording", () => {
  it("gives every entry in order, also one larger than what is read at once, and one that it does not know", async () => {
    const path = writeBytes(first, toBytes(frame("a", 3_000_000)), Uint8Array.of(2, 0x78, 1), toBytes(frame("b", 10)));
    const lengths: number[] = [];
    for await (const { entry } of readRecording(path)) {
      if (entry.case === "frame" && entry.value.frame.case === "invalid") lengths.push(entry.value.frame.value.length);
      else lengths.push(-1);
    }
    expect(lengths).toEqual([-1, 3_000_000, -1, 10]);
  });
});
