import { execFile, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { type Fleet, spawnFleet } from "@outrider/fleet";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Host, startHost } from "../clients/host.ts";
import { listPlugins } from "../clients/plugins.ts";
import { until } from "../clients/poll.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const example = join(root, "examples/scorer-rust");
const target = join(root, ".cache/rust");
const main = join(root, "host/outrider/src/main.ts");
const env = {
  ...process.env,
  PATH: [process.env.PATH, join(homedir(), ".cargo/bin")].join(delimiter),
  CARGO_TARGET_DIR: target,
};
const cargoMissing =
  process.env.CI !== undefined || spawnSync("cargo", ["--version"], { env }).status === 0
    ? undefined
    : "needs Rust 1.88 or later on the path: rustup.rs";

const page = readFileSync(join(example, "README.md"), "utf8");
const block = (language: string) => new RegExp(`\`\`\`${language}\n([\\s\\S]*?)\`\`\``).exec(page)?.[1] ?? "";

describe.skipIf(cargoMissing !== undefined)(`the example in Rust${cargoMissing ? ` (${cargoMissing})` : ""}`, () => {
  let fleet: Fleet;
  let host: Host | undefined;

  beforeAll(async () => {
    mkdirSync(target, { recursive: true });
    const [build = ""] = block("sh").split("\n");
    await run("sh", "-ec", build);
    fleet = await spawnFleet({ servers: 2, timeScale: 0.01, models: ["*"] });
  }, 900_000);
  afterAll(async () => {
    await host?.stop();
    await fleet?.stop();
  });

  it("is formatted", async () => expect(await run("cargo", "fmt", "--check")).toBe(""));

  it("keeps every rule that the conformance kit puts to it", async () => {
    const program = join(target, "debug/scorer-rust");
    expect(await run(process.execPath, main, "plugin", "verify", program)).toMatch(/ 0 failed/);
  });

  it("decides behind a real host, as its page configures it", async () => {
    const config = block("yaml").replace("target/", `${target}/`).replace("budget: 5ms", "budget: 1s");
    const options = { endpoints: fleet.endpoints, config: `budget: 1s\n${config}` };
    host = await startHost({ ...options, args: ["--no-warmup", "--pick-port=0"] });
    const { addresses } = host;
    await until(
      () => listPlugins(addresses.admin),
      ([plugin]) => plugin?.state === "active",
    );
    await pick(addresses.pick);
    const [plugin] = await listPlugins(addresses.admin);
    expect(plugin?.calls).toMatchObject({ scored: 1 });
  });
});

/** What a command prints. @throws {Error} when it fails, with what it printed. */
async function run(program: string, ...args: readonly string[]): Promise<string> {
  return (await promisify(execFile)(program, args, { cwd: example, env, maxBuffer: 64 * 1024 * 1024 })).stdout;
}

/** Has a request decided; its endpoint is one of the fleet's. */
async function pick(address: string | undefined): Promise<void> {
  const body = Buffer.from(JSON.stringify({ model: "m", messages: [{ role: "user", content: "Hello" }] }));
  const answer = await fetch(`http://${address}/outrider.picker.v1.PickerService/Pick`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ path: "/v1/chat/completions", body: body.toString("base64") }),
  });
  expect(await answer.json()).toHaveProperty("endpoints");
}
