import { readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { PluginCatalogue } from "../plugins/types.ts";
import { createSelfSigned } from "../tls/self-signed.ts";
import { formatFault, formatFaults } from "./faults.ts";
import { catalogue } from "./fixtures/catalogue.ts";
import { type ConfigResult, loadConfig } from "./load.ts";

const faultyFolder = fileURLToPath(new URL("fixtures/faulty/", import.meta.url));

const load = (
  text: string | Uint8Array,
  types: PluginCatalogue = catalogue,
  folder = "/etc/epp",
): Promise<ConfigResult> =>
  loadConfig({ name: "epp.yaml", bytes: typeof text === "string" ? Buffer.from(text) : text, folder }, types);

const head = "apiVersion: outrider.dev/v1alpha1\nkind: EndpointPickerConfig\n";

async function faultsOf(text: string | Uint8Array): Promise<string> {
  const result = await load(text);
  return result.kind === "invalid" ? formatFaults("epp.yaml", result.faults) : "";
}

async function configOf(text: string) {
  const result = await load(text);
  if (result.kind === "invalid") throw new Error(formatFaults("epp.yaml", result.faults));
  return result.config;
}

describe("loadConfig, given a faulty file,", () => {
  for (const file of readdirSync(faultyFolder).filter((name) => name.endsWith(".yaml"))) {
    it(`reports every fault of ${file} at its place`, async () => {
      const result = await load(readFileSync(`${faultyFolder}${file}`), catalogue, faultyFolder.slice(0, -1));
      expect(result.kind).toBe("invalid");
      const faults = result.kind === "invalid" ? formatFaults(file, result.faults) : "";
      const warnings = formatFaults(file, result.warnings);
      const page = `${faults}\n${warnings === "" ? "" : `\nwarnings:\n${warnings}\n`}`;
      await expect(page).toMatchFileSnapshot(`${faultyFolder}${file.replace(".yaml", ".txt")}`);
    });
  }
});

describe("loadConfig, given what is no configuration,", () => {
  const bomb = Array.from({ length: 9 }, (_, i) => `- &a${i + 1} [${Array(9).fill(`*a${i}`).join(", ")}]`).join("\n");
  const cases: readonly { title: string; text: string | Uint8Array; want: RegExp }[] = [
    { title: "a 10 MB file", text: Buffer.alloc(10_000_000, "a"), want: /^epp.yaml:1:1 is larger than 512 KiB/ },
    {
      title: "bytes that are not UTF-8",
      text: Buffer.from("a: 1\nb: \xff\n", "latin1"),
      want: /:2:4 is not UTF-8: byte 0xff at offset 8/,
    },
    { title: "UTF-16", text: Buffer.from("\ufeffa: 1\n", "utf16le"), want: /:1:1 is not UTF-8: byte 0xff at offset 0/ },
    { title: "aliases that explode", text: `- &a0 [x]\n${bomb}`, want: /has more than 50000 values, aliases included/ },
    { title: "a list in a list in a list …", text: "[".repeat(100_000), want: /^epp.yaml:1:\d+ is nested too deeply$/ },
    { title: "a deep but closed list", text: `a: ${"[".repeat(80)}${"]".repeat(80)}`, want: /is nested too deeply$/ },
    { title: "a program", text: '#!/bin/sh\nexec outrider "$@"\n', want: /must be a map, is "exec outrider/ },
    { title: "NUL characters", text: "\0".repeat(1000), want: /^epp.yaml:1:1 / },
    {
      title: "a field that is no field of any object",
      text: `${head}__proto__: { budget: 1ms }\n`,
      want: /__proto__: there is no such field/,
    },
  ];
  for (const { title, text, want } of cases) {
    it(`names ${title}`, async () => expect(await faultsOf(text)).toMatch(want));
  }

  it("answers any bytes with faults or a configuration", async () => {
    const file = Buffer.from(readFileSync(`${faultyFolder}references.yaml`));
    const edits = fc.array(fc.tuple(fc.nat(file.length - 1), fc.integer({ min: 0, max: 255 })), { maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(edits, fc.nat(file.length), async (changes, length) => {
        const bytes = Buffer.from(file.subarray(0, length));
        for (const [at, byte] of changes) if (at < length) bytes[at] = byte;
        const result = await load(bytes);
        if (result.kind === "invalid") expect(result.faults.length).toBeGreaterThan(0);
      }),
      { numRuns: 300, seed: 7 },
    );
  });

  it("shows a hundred of very many faults and counts the others", async () => {
    const lines = (await faultsOf(`${head}${Array.from({ length: 300 }, (_, i) => `x${i}: 1`).join("\n")}`)).split(
      "\n",
    );
    expect(lines).toHaveLength(101);
    expect(lines.at(-1)).toBe("epp.yaml: and 200 more");
  });
});

describe("loadConfig, given a valid file,", () => {
  it("fills in every default", async () => {
    const config = await configOf(`${head}plugins:\n- type: queue-scorer\nschedulingProfiles:\n`);
    expect(config).toMatchObject({
      budgetMs: 5,
      responses: "auto",
      processes: [],
      plugins: [
        {
          name: "queue-scorer",
          type: "queue-scorer",
          placement: "inline",
          process: undefined,
          budgetMs: 5,
          needs: undefined,
          grant: [],
          required: false,
          path: "plugins[0]",
        },
      ],
      waves: [],
      profiles: [
        {
          name: "default",
          scorers: [{ name: "queue-scorer", weight: 1, budgetMs: 5, onFailure: { kind: "abstain" } }],
          filters: [],
          picker: "max-score-picker",
        },
      ],
      handler: "single-profile-handler",
      readsInflight: false,
    });
  });

  it("keeps what is written", async () => {
    const config = await configOf(`${head}budget: 1.5s
processes:
- { name: team, command: [python3, scorer.py], env: { MODE: fast } }
- { name: away, url: "http://scorer:9910" }
plugins:
- { name: mine, type: my-scorer, process: team, needs: [waiting_requests], parameters: { a: [1] } }
- { name: theirs, type: their-scorer, process: away, budget: 20ms, required: true }
- { name: own, type: prefix-cache, placement: process, grant: [{ key: request.block_hashes, blockSize: 32 }] }
- { name: best, type: max-score-picker, parameters: { tieBreak: first, maxNumOfEndpoints: 3 } }
schedulingProfiles:
- name: chat
  plugins: [{ pluginRef: own, weight: 3 }, { pluginRef: mine, weight: 0.5 }, { pluginRef: theirs }, { pluginRef: best }]
`);
    expect(config.budgetMs).toBe(1500);
    expect(config.processes).toMatchObject([
      { name: "team", kind: "command", command: ["python3", "scorer.py"], cwd: "/etc/epp", env: { MODE: "fast" } },
      { name: "away", kind: "url", url: "http://scorer:9910" },
      { name: "own", kind: "command", cwd: "/etc/epp" },
    ]);
    expect(config.processes[2]).toMatchObject({
      command: expect.arrayContaining([process.execPath, "--max-semi-space-size=4", "/plugins/prefix-cache/main.ts"]),
    });
    expect(config.plugins.map(({ name, placement, process }) => [name, placement, process])).toEqual([
      ["mine", "process", "team"],
      ["theirs", "remote", "away"],
      ["own", "process", "own"],
    ]);
    expect(config.plugins[0]).toMatchObject({ needs: [{ key: "waiting_requests" }], parameters: { a: [1] } });
    expect(config.plugins[1]).toMatchObject({ budgetMs: 20, required: true });
    expect(config.plugins[2]).toMatchObject({ grant: [{ key: "request.block_hashes", blockSizeTokens: 32 }] });
    expect(config.profiles[0]!.scorers.map(({ name, weight }) => [name, weight])).toEqual([
      ["own", 3],
      ["mine", 0.5],
      ["theirs", 1],
    ]);
    expect(config.profiles[0]!.picker).toBe("best");
    expect(config.policies).toContainEqual({
      name: "best",
      type: "max-score-picker",
      parameters: { tieBreak: "first", maxNumOfEndpoints: 3 },
    });
  });

  it("takes the first configured picker for a profile that names none", async () => {
    const plugins = "plugins: [{ type: queue-scorer }, { type: weighted-random-picker }, { type: random-picker }]\n";
    const config = await configOf(
      `${head}${plugins}schedulingProfiles: [{ name: p, plugins: [{ pluginRef: queue-scorer }] }]`,
    );
    expect(config.profiles[0]!.picker).toBe("weighted-random-picker");
  });

  it("puts producers into waves by the data they read", async () => {
    const config = await configOf(`${head}plugins: [{ type: predictor }, { type: counter }, { type: queue-scorer }]`);
    expect(config.waves).toEqual([[{ name: "counter", budgetMs: 5 }], [{ name: "predictor", budgetMs: 5 }]]);
    expect(config.profiles[0]!.scorers.map(({ name }) => name)).toEqual(["queue-scorer"]);
  });

  it("keeps what counts in the place of a missing answer, with the scorers that are asked then", async () => {
    const config = await configOf(`${head}plugins:
- { name: a, type: queue-scorer, onFailure: last_known }
- { name: b, type: queue-scorer, onFailure: last_known, lastKnownMaxAge: 250ms }
- { name: c, type: queue-scorer, onFailure: neutral }
- { name: d, type: queue-scorer, onFailure: "inline:active-request-scorer" }
- { name: e, type: queue-scorer, shadow: true }
schedulingProfiles: [{ name: p, plugins: [{ pluginRef: d }, { pluginRef: e }] }]
`);
    expect(config.plugins.map(({ name, type, placement, path }) => [name, type, placement, path])).toEqual([
      ["a", "queue-scorer", "inline", "plugins[0]"],
      ["b", "queue-scorer", "inline", "plugins[1]"],
      ["c", "queue-scorer", "inline", "plugins[2]"],
      ["d", "queue-scorer", "inline", "plugins[3]"],
      ["d/fallback", "active-request-scorer", "inline", "plugins[3].onFailure"],
      ["e", "queue-scorer", "inline", "plugins[4]"],
    ]);
    expect(config.profiles[0]!.scorers).toMatchObject([
      { name: "d", onFailure: { kind: "inline", scorer: "d/fallback" }, shadow: false },
      { name: "e", onFailure: { kind: "abstain" }, shadow: true },
    ]);
    expect(config.readsInflight).toBe(true);
    const policies = await configOf(`${head}plugins:
- { name: a, type: queue-scorer, onFailure: last_known }
- { name: b, type: queue-scorer, onFailure: last_known, lastKnownMaxAge: 250ms }
- { name: c, type: queue-scorer, onFailure: neutral }
`);
    expect(policies.profiles[0]!.scorers.map(({ onFailure }) => onFailure)).toEqual([
      { kind: "last_known", maxAgeMs: 1_000 },
      { kind: "last_known", maxAgeMs: 250 },
      { kind: "neutral" },
    ]);
  });

  it("says of fail_request what it means", async () => {
    const { kind, warnings } = await load(`${head}plugins: [{ type: queue-scorer, onFailure: fail_request }]`);
    expect([kind, ...warnings.map(({ message }) => message)]).toEqual([
      "valid",
      "requests are refused with 503 whenever queue-scorer is late, fails or is down",
    ]);
  });

  const pools = [
    { title: "by default", text: "", want: { threads: 2, memoryMb: 256 } },
    { title: "in part", text: "workers: { threads: 5 }\n", want: { threads: 5, memoryMb: 256 } },
    { title: "whole", text: "workers: { threads: 1, memory: 1.5GiB }\n", want: { threads: 1, memoryMb: 1536 } },
  ];
  for (const { title, text, want } of pools) {
    it(`has threads for workers, said ${title}`, async () => {
      expect((await configOf(head + text)).workers).toEqual(want);
    });
  }

  it("puts a type of its own or of a module into a worker, or a module's inline where that is said", async () => {
    const module = "module: ../modules/scorers.ts, grant: [request.prompt_text]";
    const text = `${head}plugins:
- { name: a, type: queue-scorer, placement: worker }
- { name: b, type: short-queue, ${module} }
- { name: c, type: short-queue, ${module}, placement: inline, parameters: { saturation: 4 } }
- { name: d, type: guess, module: ../modules/scorers.ts }
`;
    const result = await load(text, catalogue, faultyFolder);
    if (result.kind === "invalid") throw new Error(formatFaults("epp.yaml", result.faults));
    const file = fileURLToPath(new URL("fixtures/modules/scorers.ts", import.meta.url));
    const places = result.config.plugins.map(({ name, placement, process, module }) => [
      name,
      placement,
      process,
      module,
    ]);
    expect(places).toEqual([
      ["a", "worker", undefined, undefined],
      ["b", "worker", undefined, file],
      ["c", "inline", undefined, file],
      ["d", "worker", undefined, file],
    ]);
    expect(result.config.waves).toEqual([[{ name: "d", budgetMs: 5 }]]);
    expect(result.config.readsInflight).toBe(true);
    expect(result.warnings).toEqual([]);
  });

  it("keeps how a process is known and convinced", async () => {
    const folder = await mkdtemp(join(tmpdir(), "outrider-config-"));
    const { cert, key } = await createSelfSigned(Date.now());
    await Promise.all(
      Object.entries({ "ca.pem": cert, "tls.crt": cert, "tls.key": key, token: "s3cret" }).map(([name, text]) =>
        writeFile(join(folder, name), text),
      ),
    );
    const text = `${head}processes:
- { name: a, command: [x], sha256: ${"AB".repeat(32)} }
- { name: b, url: "https://scorers:1", tokenFile: token, tls: { ca: ca.pem, cert: tls.crt, key: tls.key, serverName: s } }
- { name: c, url: "https://scorers:1", tls: {} }
plugins: [{ name: a, type: x, process: a }, { name: b, type: x, process: b }, { name: c, type: x, process: c }]
`;
    const result = await load(text, catalogue, folder);
    if (result.kind === "invalid") throw new Error(formatFaults("epp.yaml", result.faults));
    const at = (name: string) => join(folder, name);
    expect(result.config.processes).toMatchObject([
      { name: "a", sha256: "ab".repeat(32) },
      {
        name: "b",
        tokenFile: at("token"),
        tls: { caFile: at("ca.pem"), certFile: at("tls.crt"), keyFile: at("tls.key"), serverName: "s" },
      },
      { name: "c", tokenFile: undefined, tls: { caFile: undefined, certFile: undefined, serverName: undefined } },
    ]);
    await rm(folder, { recursive: true });
  });

  const remotes = [
    { url: "http://scorers:1", type: "prefix-cache", warns: true },
    { url: "http://127.0.0.1:1", type: "prefix-cache", warns: false },
    { url: "http://[::1]:1", type: "prefix-cache", warns: false },
    { url: "http://localhost:1", type: "prefix-cache", warns: false },
    { url: "unix:/run/scorer.sock", type: "prefix-cache", warns: false },
    { url: "http://scorers:1", type: "queue-scorer", warns: false },
    { url: "http://scorers:1", type: "theirs", warns: false },
  ];
  for (const { url, type, warns } of remotes) {
    it(`${warns ? "warns" : "does not warn"} of a state that several addresses share, of ${type} at ${url}`, async () => {
      const text = `${head}processes: [{ name: p, url: "${url}" }]\nplugins: [{ type: ${type}, process: p }]\n`;
      const { kind, warnings } = await load(text);
      expect(kind).toBe("valid");
      const message =
        "prefix-cache keeps its state where it runs: each address of scorers learns of its own calls alone";
      expect(warnings.map((warning) => warning.message)).toEqual(warns ? [message] : []);
    });
  }

  it("has room for as many scorers as calls of a decision have numbers, and for as many shadows", async () => {
    const entries = (count: number, more: string) =>
      Array.from({ length: count }, (_, i) => `- { name: ${more}${i}, type: queue-scorer, shadow: ${more === "s"} }\n`);
    const text = (counted: number, shadows: number) =>
      `${head}plugins:\n${[...entries(counted, "c"), ...entries(shadows, "s")].join("")}`;
    expect((await load(text(128, 128))).kind).toBe("valid");
    expect(await faultsOf(text(129, 0))).toMatch(
      /plugins\[128\]: is one too many: a decision has room for 128 scorers/,
    );
    expect(await faultsOf(text(1, 129))).toMatch(/plugins\[129\]: is one too many: .* 128 shadow scorers/);
  });

  it("counts a cap above the decision's budget as the budget, and says so", async () => {
    const result = await load(`${head}budget: 4ms\nplugins: [{ type: queue-scorer, budget: 9ms }]`);
    expect(result.kind === "valid" && result.config.plugins[0]!.budgetMs).toBe(4);
    expect(formatFaults("epp.yaml", result.warnings)).toBe(
      "epp.yaml:4:41 plugins[0].budget: 9ms is above the budget of a decision, 4ms (it counts as 4ms; raise budget: at the top)",
    );
  });

  for (const responses of ["auto", "full", "headers", "none"]) {
    it(`keeps responses: ${responses}`, async () => {
      expect((await configOf(`${head}responses: ${responses}\n`)).responses).toBe(responses);
    });
  }

  const losses = [
    { responses: "auto", needs: "[events.done, events.progress]", want: [] },
    { responses: "full", needs: "[events.done, events.progress]", want: [] },
    { responses: "none", needs: "[events.picked, kv_cache_usage]", want: [] },
    {
      responses: "headers",
      needs: "[events.progress]",
      want: [
        "needs a gateway whose response body mode is NONE: another one sends bodies all the same (set that mode at the gateway, or write responses: none)",
        "mine asks for events.progress, which it will not get (write responses: auto)",
      ],
    },
    {
      responses: "none",
      needs: "[events.done]",
      grant: "[{ key: events.headers, names: [x-a] }]",
      want: [
        "mine asks for events.headers, which it will not get (write responses: auto)",
        "mine asks for events.done, which will not tell how requests ended (write responses: auto)",
      ],
    },
  ];
  for (const { responses, needs, grant = "[]", want } of losses) {
    it(`warns of ${want.length} losses where responses is ${responses} and a plugin needs ${needs}`, async () => {
      const plugin = `{ name: mine, type: x, process: p, needs: ${needs}, grant: ${grant} }`;
      const text = `${head}responses: ${responses}\nprocesses: [{ name: p, command: [x] }]\nplugins: [${plugin}]`;
      const place = "epp.yaml:3:12 responses: ";
      expect((await load(text)).warnings.map((warning) => formatFault("epp.yaml", warning))).toEqual(
        want.map((message) => place + message),
      );
    });
  }

  const readers = [
    { title: "a built-in type asks for them", plugins: "[{ type: active-request-scorer }]", want: true },
    { title: "no built-in type asks for them", plugins: "[{ type: queue-scorer }]", want: false },
    { title: "a process may ask for anything", plugins: "[{ type: x, process: p }]", want: true },
    {
      title: "a process is told its needs",
      plugins: "[{ type: x, process: p, needs: [kv_cache_usage] }]",
      want: false,
    },
  ];
  for (const { title, plugins, want } of readers) {
    it(`${want ? "reads" : "leaves out"} the in-flight columns where ${title}`, async () => {
      const config = await configOf(`${head}processes: [{ name: p, command: [x] }]\nplugins: ${plugins}`);
      expect(config.readsInflight).toBe(want);
    });
  }

  it("shows its text without the values of env, however they are written", async () => {
    const { source } = await configOf(`${head}processes:
- name: a
  command: [x]
  env: &shared { TOKEN: s3cret, "KEY": 's3cret' }
- { name: b, command: [x], env: *shared }
- name: c
  command: [&arg s3cret-like]
  env:
    <<: *shared
    LONG: |
      s3cret
      s3cret
    ARG: *arg
plugins: [{ type: x, process: a }, { name: y, type: x, process: b }, { name: z, type: x, process: c }]
`);
    expect(source.text).not.toContain("s3cret");
    expect(source.text).toContain("TOKEN: ***");
    expect(source.text).toContain("plugins: [{ type: x, process: a }");
    expect(source.sha256).toMatch(/^[0-9a-f]{64}$/);
  });

  for (const apiVersion of ["llm-d.ai/v1alpha1", "inference.networking.x-k8s.io/v1alpha1"]) {
    it(`reads the form of ${apiVersion}, as JSON too`, async () => {
      const plugins = [{ type: "queue-scorer" }, { type: "max-score-picker" }, { type: "single-profile-handler" }];
      const schedulingProfiles = [{ name: "default", plugins: [{ pluginRef: "queue-scorer", weight: 2.5 }] }];
      const text = JSON.stringify({ apiVersion, kind: "EndpointPickerConfig", plugins, schedulingProfiles }, null, 2);
      const config = await configOf(text);
      expect(config.profiles[0]!.scorers).toMatchObject([{ name: "queue-scorer", weight: 2.5 }]);
    });
  }
});
