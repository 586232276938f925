import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { catalogue } from "../config/fixtures/catalogue.ts";
import { type CommandCatalogue, runCli } from "./cli.ts";
import { configCommand } from "./config.ts";
import { pluginCommand } from "./plugin.ts";
import { serveCommand } from "./serve.ts";

const folder = mkdtempSync(join(tmpdir(), "outrider-commands-"));
afterAll(() => rmSync(folder, { recursive: true }));

const schema = new URL("../../outrider/config.schema.json", import.meta.url);

const commands: CommandCatalogue = {
  serve: { about: "run", load: async () => serveCommand(catalogue) },
  config: { about: "check", load: async () => configCommand(catalogue, schema) },
  plugin: { about: "show", load: async () => pluginCommand({}, []) },
  broken: { about: "cannot be loaded", load: () => Promise.reject(new Error("loaded needlessly")) },
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

/** Exit code of a command line; what it prints is in `out` and `err`. */
async function run(...args: string[]): Promise<number> {
  await runCli(args, commands);
  const code = Number(process.exitCode ?? 0);
  process.exitCode = undefined;
  return code;
}

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const head = "apiVersion: outrider.dev/v1alpha1\nkind: EndpointPickerConfig\n";

describe("outrider", () => {
  const cases: readonly { title: string; args: string[]; code: number; stdout?: string; stderr?: string }[] = [
    { title: "shows what there is", args: ["--help"], code: 0, stdout: "broken          cannot be loaded" },
    { title: "shows it in Go's syntax too", args: ["-help"], code: 0, stdout: "Usage: outrider" },
    { title: "shows its version", args: ["--version"], code: 0, stdout: "0." },
    { title: "shows what there is when asked for nothing", args: [], code: 2, stderr: "Usage: outrider" },
    { title: "shows the flags of a command", args: ["serve", "--help"], code: 0, stdout: "--grpc-port <port>" },
    { title: "shows them by help too", args: ["help", "serve"], code: 0, stdout: "--grpc-port <port>" },
    {
      title: "names the command meant",
      args: ["conifg"],
      code: 2,
      stderr: 'there is no command "conifg" (did you mean config?)',
    },
    {
      title: "names all where none is close",
      args: ["xyz"],
      code: 2,
      stderr: "(there are serve, config, plugin, broken)",
    },
    {
      title: "takes bare flags for those of serve",
      args: ["-v=x"],
      code: 2,
      stderr: "outrider serve: -v must be a whole number",
    },
    {
      title: "names the flag meant",
      args: ["serve", "--endpoint", "a:1"],
      code: 2,
      stderr: "outrider serve: unknown option '--endpoint'\n(Did you mean --endpoints?)",
    },
    {
      title: "refuses words that mean nothing",
      args: ["serve", "now"],
      code: 2,
      stderr: "outrider serve: too many arguments",
    },
    { title: "asks for a missing value", args: ["serve", "--endpoints"], code: 2, stderr: "argument missing" },
    { title: "asks for a missing subcommand", args: ["config"], code: 2, stderr: "check [options] <file>" },
    {
      title: "refuses a switch that is neither",
      args: ["plugin", "list", "--json=x"],
      code: 2,
      stderr: "--json is true or false",
    },
  ];
  for (const { title, args, code, stdout = "", stderr = "" } of cases) {
    it(title, async () => {
      expect(await run(...args)).toBe(code);
      expect(out).toContain(stdout);
      expect(err).toContain(stderr);
      if (code === 2) expect(out).toBe("");
    });
  }
});

describe("outrider config check", () => {
  it("says that a file is valid, and what is odd about it", async () => {
    const path = file("valid.yaml", `${head}plugins: [{ type: queue-scorer, budget: 9ms }]`);
    expect(await run("config", "check", path)).toBe(0);
    expect(out).toContain(`${path}:3:41 plugins[0].budget: warning: 9ms is above the budget of a decision, 5ms`);
    expect(out).toContain(`${path} is valid (profiles: 1, scorers that count: 1)\n`);
  });

  it("prints a line a fault", async () => {
    const path = file("faulty.yaml", `${head}plugins: [{ type: queue-socrer }, 5]`);
    expect(await run("config", "check", path)).toBe(1);
    expect(out).toBe(
      `${path}:3:19 plugins[0].type: there is no plugin type "queue-socrer" (did you mean queue-scorer?)\n` +
        `${path}:3:35 plugins[1]: must be a map, is 5\n`,
    );
  });

  it("prints one JSON object", async () => {
    const path = file("faulty.yaml", `${head}plugins: 5`);
    expect(await run("config", "check", "-json", path)).toBe(1);
    expect(JSON.parse(out)).toEqual({
      file: path,
      valid: false,
      faults: [{ line: 3, column: 10, path: "plugins", message: "must be a list, is 5", hint: "" }],
      warnings: [],
      notes: [],
    });
  });

  it("fails for warnings where it is asked to", async () => {
    const path = file("odd.yaml", `${head}plugins: [{ type: queue-scorer, budget: 9ms }]`);
    expect(await run("config", "check", path, "--strict")).toBe(1);
    expect(out).toContain(`${path} is valid`);
    const plain = file("plain.yaml", `${head}plugins: [{ type: queue-scorer }]`);
    expect(await run("config", "check", plain, "--strict")).toBe(0);
  });

  it("tells what was added, and fails for it never", async () => {
    const path = file("added.yaml", `${head}plugins: [{ type: prefix-cache-scorer }]`);
    expect(await run("config", "check", path, "--strict")).toBe(0);
    expect(out).toMatch(/^.*:3:11 plugins\[0\]: note: .* so that approx-prefix-cache-producer is added/);
  });

  it("reads the standard input", async () => {
    vi.spyOn(process, "stdin", "get").mockReturnValue(Readable.from([Buffer.from(head), Buffer.from("x: 1")]) as never);
    expect(await run("config", "check", "-")).toBe(1);
    expect(out).toMatch(/^stdin:3:1 x: there is no such field/);
  });

  it("reads no more of it than a configuration may have", async () => {
    let given = 0;
    const endless = function* () {
      for (;;) {
        given += 65_536;
        yield Buffer.alloc(65_536, " ");
      }
    };
    vi.spyOn(process, "stdin", "get").mockReturnValue(Readable.from(endless()) as never);
    expect(await run("config", "check", "-")).toBe(1);
    expect(out).toMatch(/^stdin:1:1 is larger than 512 KiB/);
    expect(given).toBeLessThan(4 * 2 ** 20);
  });

  const unreadable: readonly [string, string[], string][] = [
    ["a file that is not there", ["/nope.yaml"], "/nope.yaml cannot be read: ENOENT"],
    ["a folder", [folder], "cannot be read: EISDIR"],
    ["no file", [], "missing required argument 'file'"],
    ["two files", ["a", "b"], "too many arguments"],
    ["a file without a name", [""], "name a file, or - for the standard input"],
  ];
  for (const [title, args, want] of unreadable) {
    it(`refuses ${title}`, async () => {
      expect(await run("config", "check", ...args)).toBe(2);
      expect(err).toContain(want);
    });
  }
});

describe("outrider config schema", () => {
  it("prints a JSON Schema", async () => {
    expect(await run("config", "schema")).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      $schema: "https://json-schema.org/draft/2020-12/schema",
      title: "EndpointPickerConfig",
      properties: { plugins: { type: "array" } },
    });
  });
});

describe("outrider config explain", () => {
  it("says in words what a configuration does", async () => {
    const path = file("explained.yaml", `${head}plugins: [{ type: queue-scorer }]`);
    expect(await run("config", "explain", path)).toBe(0);
    expect(out).toMatch(/^.*explained.yaml: decisions take at most 5ms\n/);
    expect(out).toContain("scorer queue-scorer, inline, at most 5ms, share 1 (weight 1)");
    expect(err).toBe("");
  });

  it("prints one JSON object", async () => {
    const path = file("explained.yaml", `${head}plugins: [{ type: queue-scorer }]`);
    expect(await run("config", "explain", path, "--json")).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      file: path,
      profiles: [{ scorers: [{ name: "queue-scorer", share: 1 }] }],
    });
  });

  it("names the faults of one that cannot be explained", async () => {
    const path = file("faulty.yaml", `${head}plugins: 5`);
    expect(await run("config", "explain", path)).toBe(1);
    expect([out, err]).toEqual(["", `${path}:3:10 plugins: must be a list, is 5\n`]);
  });
});

describe("outrider plugin list", () => {
  const plugin = {
    name: "queue",
    type: "queue-scorer",
    placement: "process",
    state: "active",
    pid: 7,
    calls: { scored: 3 },
    generation: 2,
    fallbacks: 4,
    callDuration: { p99Us: 1_490 },
    hostDuration: { p99Us: 19.6 },
  };
  const broken = {
    shadow: true,
    name: "mine",
    type: "my-scorer",
    placement: "remote",
    state: "backoff",
    message: "starts in 2 s",
  };

  /** Address of a host that answers every call so. */
  async function answer(status: number, body: string, check: (authorization: string | undefined) => void = () => {}) {
    const server = createServer((request, response) => {
      check(request.headers.authorization);
      response.writeHead(status, { "content-type": "application/json" }).end(body);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    onTestEnd.push(() => server.close());
    return `127.0.0.1:${(server.address() as AddressInfo).port}`;
  }
  const onTestEnd: (() => void)[] = [];
  afterEach(() => {
    for (const end of onTestEnd.splice(0)) end();
  });

  it("prints a table, and why a plugin is not active", async () => {
    const admin = await answer(200, JSON.stringify({ plugins: [plugin, broken], unknownField: 1 }));
    expect(await run("plugin", "list", "--admin", `http://${admin}/`)).toBe(1);
    const cells = out.split("\n").map((line) => line.split(/\s{2,}/));
    expect(cells.slice(0, 4)).toEqual([
      [
        "NAME",
        "TYPE",
        "PLACEMENT",
        "STATE",
        "GEN",
        "SCORED",
        "ABSTAINED",
        "LATE",
        "FAILED",
        "SHED",
        "FALLBACKS",
      ].concat(["CALL", "HOST", "WIRE", "PLUGIN", "REV LAG", "DROPPED", "RESTARTS", "PID"]),
      ["queue", "queue-scorer", "process", "active", "2", "3", "0", "0", "0", "0", "4"].concat([
        "1.5ms",
        "20us",
        "-",
        "-",
        "0",
        "0",
        "0",
        "7",
      ]),
      ["mine", "my-scorer", "remote", "backoff (shadow)", "0", "0", "0", "0", "0", "0", "0"].concat([
        "-",
        "-",
        "-",
        "-",
        "0",
        "0",
        "0",
        "-",
      ]),
      ["mine: starts in 2 s"],
    ]);
  });

  it("prints JSON, without a scheme and with a token too", async () => {
    let authorization: string | undefined;
    const admin = await answer(200, JSON.stringify({ plugins: [plugin] }), (given) => {
      authorization = given;
    });
    const token = file("token", "0123456789abcdef\n");
    expect(await run("plugin", "list", "--json", "--admin", admin, "--admin-token-file", token)).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ plugins: [{ name: "queue", calls: { scored: 3 } }] });
    expect(authorization).toBe("Bearer 0123456789abcdef");
  });

  const failures: readonly { title: string; status: number; body: string; want: string }[] = [
    {
      title: "refusals",
      status: 401,
      body: '{"code":"unauthenticated"}',
      want: "answers Unauthenticated",
    },
    { title: "what is no JSON", status: 200, body: "<html>", want: "answers InvalidArgument" },
    { title: "JSON of another kind", status: 200, body: '{"plugins":5}', want: "cannot decode" },
  ];
  for (const { title, status, body, want } of failures) {
    it(`reports ${title}`, async () => {
      expect(await run("plugin", "list", "--admin", await answer(status, body))).toBe(1);
      expect(err).toContain(want);
      expect(out).toBe("");
    });
  }

  it("says so where no host answers", async () => {
    expect(await run("plugin", "list", "--admin", "127.0.0.1:1")).toBe(1);
    expect(err).toMatch(/http:\/\/127.0.0.1:1 does not answer .*; is the host running\?/);
  });

  const wrong: readonly [string, string[], string][] = [
    ["an address that is none", ["--admin", "http://:x"], '--admin must be a URL, is "http://:x"'],
    ["a token file that is not there", ["--admin-token-file", "/nope"], "--admin-token-file cannot be read: ENOENT"],
  ];
  for (const [title, args, want] of wrong) {
    it(`refuses ${title}`, async () => {
      expect(await run("plugin", "list", ...args)).toBe(2);
      expect(err).toContain(want);
    });
  }
});
