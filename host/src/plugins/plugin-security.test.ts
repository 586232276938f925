import { createHash, randomUUID } from "node:crypto";
import { copyFileSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { command, createTestHost, plugin, quick, scripted, type TestHost, until } from "./fixtures/harness.ts";
import type { ProcessSpec } from "./types.ts";

let host: TestHost | undefined;

afterEach(async () => {
  await host?.close();
  host = undefined;
});

/** One plugin named `mine` of this process. */
async function run(process: ProcessSpec, startMs = 15_000): Promise<TestHost> {
  host = await createTestHost({ specs: [plugin("mine")], processes: [process], timing: quick });
  await host.runtime.start(startMs);
  return host;
}

const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8);

/** Processes take their time on a busy machine. */
const slow = { timeout: 40_000 };

describe("a plugin's process", slow, () => {
  it("listens where nobody but the host's own user can reach it", async () => {
    const { socketDir } = await run(scripted());
    const private_ = readdirSync(socketDir).filter((name) => name.startsWith("p-"));
    expect(private_.length).toBe(1);
    const folder = join(socketDir, private_[0]!);
    const sockets = readdirSync(folder);
    expect([modeOf(folder), sockets.map((name) => modeOf(join(folder, name)))]).toEqual(["700", ["600"]]);
  });

  it("makes files that nobody else can read", async () => {
    const file = join(tmpdir(), `outrider-${randomUUID()}`);
    await run(command("sh", "-c", `echo secret > ${file}; sleep 60`), 1);
    await until(
      () => statSync(file, { throwIfNoEntry: false }) !== undefined,
      () => "no file",
    );
    expect(modeOf(file)).toBe("600");
    rmSync(file);
  });

  it("is shown another token at each start", async () => {
    const { logs, reach } = await run(command("sh", "-c", "echo token $OUTRIDER_PLUGIN_TOKEN"));
    await reach("mine", "quarantined");
    const tokens = logs.filter(({ msg }) => msg.startsWith("token ")).map(({ msg }) => msg.slice(6));
    expect([tokens.length, new Set(tokens).size, Math.min(...tokens.map(({ length }) => length))]).toEqual([5, 5, 43]);
  });

  it("sees nothing of the host's environment but what is listed", async () => {
    process.env.OUTRIDER_TEST_SECRET = "x";
    try {
      const { logs } = await run({ ...command("sh", "-c", "env; echo end"), env: { MINE: "given" } });
      await until(
        () => logs.some(({ msg }) => msg === "end"),
        () => "it printed nothing",
      );
      const lines = logs.filter(({ stream }) => stream === "stdout").map(({ msg }) => msg);
      const names = new Set(lines.flatMap((line) => (/^[A-Za-z_]+=/.test(line) ? [line.split("=")[0]!] : [])));
      const own = [
        "TRACE",
        "MINE",
        "OUTRIDER_PLUGIN_SOCKET",
        "OUTRIDER_PLUGIN_TOKEN",
        "PORT",
        "PWD",
        "_",
        "SHLVL",
        "OLDPWD",
      ];
      const listed = ["PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR"];
      expect([...names].filter((name) => !own.includes(name) && !listed.includes(name))).toEqual([]);
      expect(names.has("MINE")).toBe(true);
    } finally {
      delete process.env.OUTRIDER_TEST_SECRET;
    }
  });
});

describe("a program with a checksum", slow, () => {
  const digest = createHash("sha256").update(readFileSync(process.execPath)).digest("hex");
  const [program, script] = (scripted() as Extract<ProcessSpec, { kind: "command" }>).command as [string, string];
  const checked = (sha256: string, name = program, env = {}) =>
    ({ ...command(name, script), sha256, env }) as ProcessSpec;

  it("is started where it has it, by whatever name it is found", async () => {
    const { status } = await run(checked(digest.toUpperCase()));
    expect(status("mine").state).toBe("active");
    await host!.close();
    const again = await run(checked(digest, basename(program), { PATH: dirname(program) }));
    expect(again.status("mine").state).toBe("active");
  });

  const refused = [
    {
      title: "is another",
      spec: checked("0".repeat(64)),
      message: /the SHA-256 of .* is [0-9a-f]{64}, not 0{64} as configured/,
    },
    { title: "is nowhere", spec: checked(digest, "no-such-program"), message: /no-such-program cannot be checked/ },
    { title: "cannot be read", spec: checked(digest, "/no/such/program"), message: /cannot be checked: ENOENT/ },
  ];
  for (const { title, spec, message } of refused) {
    it(`is not started where it ${title}`, async () => {
      const { status } = await run(spec);
      expect(status("mine")).toMatchObject({
        state: "failed",
        message: expect.stringMatching(message),
        pid: undefined,
      });
    });
  }

  it("is checked at each start", async () => {
    const file = join(tmpdir(), `outrider-${randomUUID()}`);
    copyFileSync("/bin/sh", file);
    const sha256 = createHash("sha256").update(readFileSync(file)).digest("hex");
    host = await createTestHost({
      specs: [plugin("mine")],
      processes: [{ ...command(file, "-c", "echo started; sleep 1; exit 3"), sha256 } as ProcessSpec],
      timing: quick,
    });
    const started = host.runtime.start(15_000);
    await until(
      () => host!.logs.some(({ msg }) => msg === "started"),
      () => "it was not started",
    );
    rmSync(file);
    writeFileSync(file, "#!/bin/sh\necho changed\n", { mode: 0o755 });
    await started;
    expect(host.status("mine")).toMatchObject({ state: "failed", message: expect.stringMatching(/SHA-256/) });
    expect(host.logs.some(({ msg }) => msg === "changed")).toBe(false);
    rmSync(file);
  });
});
