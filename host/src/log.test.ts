import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { stripVTControlCharacters } from "node:util";
import { describe, expect, it } from "vitest";
import { toLevel, toText } from "./log.ts";

const module = fileURLToPath(new URL("log.ts", import.meta.url));

describe("toLevel", () => {
  const cases: readonly [number, string][] = [
    [-1, "warn"],
    [0, "warn"],
    [1, "info"],
    [2, "info"],
    [3, "debug"],
    [4, "debug"],
    [5, "trace"],
    [99, "trace"],
  ];
  for (const [verbosity, want] of cases)
    it(`takes -v=${verbosity} for ${want}`, () => expect(toLevel(verbosity)).toBe(want));
});

describe("toText", () => {
  const cases: readonly { title: string; line: object; want: string }[] = [
    {
      title: "puts the fields behind the message",
      line: { level: 30, time: 0, msg: "outrider is ready", addresses: { admin: "127.0.0.1:1" }, plugin: "queue" },
      want: '00:00:00.000 info  outrider is ready addresses={"admin":"127.0.0.1:1"} plugin=queue\n',
    },
    {
      title: "shows the stack of an error on its own lines",
      line: { level: 50, time: 1, msg: "no", err: { message: "why", stack: "Error: why\n    at x" } },
      want: "00:00:00.001 error no\nError: why\n    at x\n",
    },
    {
      title: "shows a line without a message",
      line: { level: 40, time: 2, a: "b c" },
      want: '00:00:00.002 warn   a="b c"\n',
    },
  ];
  for (const { title, line, want } of cases) {
    it(title, () => expect(stripVTControlCharacters(toText(JSON.stringify(line)))).toBe(want));
  }
});

describe("createLog", () => {
  it("writes every line before the process ends, also when it ends badly", () => {
    const code = `import { createLog } from ${JSON.stringify(module)};
      const log = createLog(2);
      log.debug("unseen");
      for (let i = 0; i < 3; i++) log.info({ i }, "seen");
      throw new Error("boom");`;
    const { stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", code], { encoding: "utf8" });
    const lines = stderr.split("\n").filter((line) => line.startsWith("{"));
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([0, 1, 2].map((i) => ({ level: 30, i, msg: "seen" })));
    expect(stderr).not.toContain("unseen");
  });
});
