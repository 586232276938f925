import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import { type Record as RecordEntry, RecordSchema } from "@outrider/protos/record";
import { describe, expect, it } from "vitest";
import { readRecording } from "../replay/read-recording.ts";
import { openRecordingFile } from "./recording-file.ts";

const header = create(RecordSchema, { entry: { case: "header", value: { format: "outrider.record.v1" } } });
const decision = create(RecordSchema, { entry: { case: "decision", value: { decisionId: "d".repeat(100) } } });
const inFolder = () => join(mkdtempSync(join(tmpdir(), "outrider-record-")), "live.rec");

async function casesOf(path: string): Promise<readonly RecordEntry["entry"]["case"][]> {
  const cases: RecordEntry["entry"]["case"][] = [];
  for await (const { entry } of readRecording(path)) cases.push(entry.case);
  return cases;
}

describe("a recording's file", () => {
  it("cannot be opened where there is no folder", async () => {
    await expect(openRecordingFile("/nowhere/live.rec", 1)).rejects.toThrow("ENOENT");
  });

  it("says that the disk is full, and what was written before", async () => {
    const file = await openRecordingFile("/dev/full", Number.POSITIVE_INFINITY);
    await expect(file.write([header, decision], 0)).rejects.toThrow("ENOSPC");
    expect(file).toMatchObject({ bytes: 0, decisions: 0, fault: { code: "ENOSPC" } });
    await file.close();
  });

  it("ends before it is larger than it may be, with its last whole entry", async () => {
    const path = inFolder();
    const file = await openRecordingFile(path, 300);
    expect(await file.write([header, decision], 0)).toBe(true);
    expect(await file.write([decision, decision, decision], 0)).toBe(false);
    await file.close();
    expect(file).toMatchObject({ isFull: true, decisions: 2 });
    expect(readFileSync(path)).toHaveLength(file.bytes);
    expect(file.bytes).toBeLessThanOrEqual(300);
    expect(await casesOf(path)).toEqual(["header", "decision", "decision"]);
  });

  it("replaces what is there, and counts starts and what was missed", async () => {
    const path = inFolder();
    writeFileSync(path, "x".repeat(5_000));
    const file = await openRecordingFile(path, Number.POSITIVE_INFINITY);
    await file.write([header, decision], 0);
    await file.write([header], 7);
    await file.close();
    expect(file).toMatchObject({ starts: 2, dropped: 7, decisions: 1, isFull: false });
    expect(await casesOf(path)).toEqual(["header", "decision", "header"]);
  });
});
