import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { catalogue } from "../replay/fixtures/definitions.ts";
import { answers, calls, type Opening, opening, state } from "../replay/fixtures/recorded-session.ts";
import { writeRecording } from "../replay/fixtures/write-recording.ts";
import { type CommandCatalogue, runCli } from "./cli.ts";
import { pluginReplayCommand } from "./plugin-replay.ts";

const commands: CommandCatalogue = {
  replay: { about: "replay", load: async () => pluginReplayCommand(catalogue) },
};

let out = "";
let err = "";
beforeEach(() => {
  out = "";
  err = "";
  process.exitCode = undefined;
  vi.spyOn(process.stdout, "write").mockImplementation((text) => {
    out += String(text);
    return true;
  });
  vi.spyOn(process.stderr, "write").mockImplementation((text) => {
    err += String(text);
    return true;
  });
});
afterEach(() => {
  vi.restoreAllMocks();
  process.exitCode = undefined;
});

async function run(...args: string[]): Promise<number> {
  await runCli(["replay", ...args], commands);
  return Number(process.exitCode ?? 0);
}

const two = state({ to: 1, upserts: { 0: "a", 2: "c" }, waiting: { 0: 16, 2: 32 } });

/** A recording of one call, answered so. */
function recordingOf(type: string, scores: readonly number[], fields: Opening = {}): string {
  const answered = [calls({ callId: 1 }), answers({ callId: 1, scores: [...scores] })];
  return writeRecording([...opening({ instances: [{ id: 1, type }], ...fields }), ...two, ...answered]);
}

const thrower = fileURLToPath(new URL("../plugins/worker/fixtures/throw-at-import.ts", import.meta.url));

describe("bad input", () => {
  const file = recordingOf("waiting", [0.25, 0.5]);
  const cases: readonly { title: string; args: string[]; stderr: string }[] = [
    { title: "no file", args: [], stderr: "missing required argument 'frames'" },
    { title: "a file that is not there", args: ["/nowhere.bin"], stderr: "outrider replay: ENOENT" },
    { title: "a file that is no recording", args: ["package.json"], stderr: "package.json, byte 1:" },
    { title: "a placement that is none", args: [file, "--against", "inline,here"], stderr: 'remote, is "here".' },
    {
      title: "remote without an address",
      args: [file, "--against", "remote"],
      stderr: "needs --url: where is it served",
    },
    {
      title: "an address for nothing",
      args: [file, "--url", "http://127.0.0.1:1"],
      stderr: "--url is for --against remote",
    },
    { title: "a token for nothing", args: [file, "--token-file", "x"], stderr: "--token-file is for --url" },
    { title: "a program for nothing", args: [file, "--against=inline", "--command=x"], stderr: "--command is for" },
    { title: "a module for nothing", args: [file, "--against=process", "--module=x.ts"], stderr: "--module is for" },
    { title: "a count that is none", args: [file, "--show=-1"], stderr: 'must be a whole number, is "-1".' },
    {
      title: "a type that no thread runs",
      args: [recordingOf("throws", []), "--against=worker"],
      stderr: "throws is no built-in type that runs",
    },
    {
      title: "a module that throws",
      args: [file, "--against=inline", `--module=${thrower}`],
      stderr: "instance 1.module: not today",
    },
    { title: "a module that is not there", args: [file, "--against=inline", "--module=/no.ts"], stderr: "/no.ts" },
  ];
  for (const { title, args, stderr } of cases) {
    it(`is refused with exit code 2: ${title}`, async () => {
      expect(await run(...args)).toBe(2);
      expect(err).toContain(stderr);
      expect(out).toBe("");
    });
  }
});

describe("outrider plugin replay", () => {
  const cases: readonly { title: string; path: string; args?: string[]; code: number; stdout: string }[] = [
    {
      title: "says that all agree",
      path: recordingOf("waiting", [0.25, 0.5]),
      code: 0,
      stdout: "waiting (team): 1 call, 0 events; as recorded in 1 call\nall agree\n",
    },
    {
      title: "shows by what a plugin without state answers otherwise",
      path: recordingOf("waiting", [0.25, 0.75]),
      code: 1,
      stdout:
        "  waiting (team), call 1, slot 2 (c), score: recorded 0.75 (0x3f400000), inline 0.5 (0x3f000000)\nthey differ\n",
    },
    {
      title: "shows no more differences than it is to",
      path: recordingOf("waiting", [0, 0]),
      args: ["--show=0"],
      code: 1,
      stdout: "waiting (team): 1 call, 0 events; other than recorded in 1 of 1 call\nthey differ\n",
    },
    {
      title: "says why a plugin with state may answer otherwise",
      path: recordingOf("picks", [0, 0], { afterMs: -1 }),
      code: 0,
      stdout: "in 1 of 1 call, which says nothing: it had learned what the recording has not\n",
    },
    {
      title: "says that a recording holds no call, and why",
      path: writeRecording(two),
      code: 2,
      stdout: "left out, frames of connections whose handshake and configuration are not in the recording: 1\nno call",
    },
    {
      title: "prints a report",
      path: recordingOf("waiting", [0.25, 0.5]),
      args: ["--json"],
      code: 0,
      stdout: '{"agrees":true,"placements":["inline"],"hostVersion":"1.0.0","frames":',
    },
  ];
  for (const { title, path, args = [], code, stdout } of cases) {
    it(`${title}, exit code ${code}`, async () => {
      expect(await run(path, "--against", "inline", ...args)).toBe(code);
      expect(out).toContain(stdout);
      expect(err).toBe("");
    });
  }
});
