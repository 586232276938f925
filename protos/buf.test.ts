import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";

const here = import.meta.dirname;
const scorer = "outrider/scorer/v1/scorer.proto";
const copies: string[] = [];

/** What `buf` has to say about the protos in a folder; nothing when all is well. */
function buf(cwd: string, ...args: readonly string[]): string {
  try {
    return execFileSync(join(here, "../node_modules/.bin/buf"), args, { cwd, encoding: "utf8", stdio: "pipe" });
  } catch (error) {
    const { stdout, stderr } = error as { readonly stdout: string; readonly stderr: string };
    return stdout + stderr;
  }
}

/** A folder with our protos in which one text of the scorer contract is another. */
function changedCopy(from: string, to: string): string {
  const folder = mkdtempSync(join(tmpdir(), "outrider-protos-"));
  copies.push(folder);
  for (const name of ["buf.yaml", "outrider", "released.binpb"]) {
    cpSync(join(here, name), join(folder, name), { recursive: true });
  }
  const text = readFileSync(join(here, scorer), "utf8");
  expect(text).toContain(from);
  writeFileSync(join(folder, scorer), text.replace(from, to));
  return folder;
}

afterEach(() => {
  for (const folder of copies.splice(0)) rmSync(folder, { recursive: true, force: true });
});

describe("a change of the released contract", () => {
  const cases = [
    { title: "renumbers a field", from: "uint32 rev = 4;", to: "uint32 rev = 15;" },
    { title: "renames a field", from: "uint32 budget_us = 8;", to: "uint32 budget_micros = 8;" },
    { title: "changes a type", from: "double now_ms = 10;", to: "float now_ms = 10;" },
    { title: "takes away a value", from: "  STATE_SCOPE_SHARED = 3;\n", to: "" },
    { title: "makes a stream unary", from: "returns (stream SessionResponse)", to: "returns (SessionResponse)" },
  ];
  for (const { title, from, to } of cases) {
    it(`is refused when it ${title}`, () => {
      expect(buf(changedCopy(from, to), "breaking", "--against", "released.binpb")).toContain(scorer);
    });
  }

  it("is accepted when it adds a field", () => {
    const folder = changedCopy("uint32 seed = 11;", "uint32 seed = 11;\n  uint32 added = 99;");
    expect(buf(folder, "breaking", "--against", "released.binpb")).toBe("");
  });
});

describe("the protos", () => {
  it("that leave a field without a comment are refused", () => {
    expect(buf(changedCopy("  // The pong repeats it.\n", ""), "lint")).toContain('Field "seq"');
  });

  it("keep the lint rules", () => expect(buf(here, "lint")).toBe(""));
  it("are formatted", () => expect(buf(here, "format", "--diff")).toBe(""));
  it("break nothing of the last release", () => {
    expect(buf(here, "breaking", "--against", "released.binpb")).toBe("");
  });
});
