import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { type Fleet, spawnFleet } from "@outrider/fleet";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { goMissing, installGo } from "../clients/go.ts";
import { type Host, startHost } from "../clients/host.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const page = readFileSync(`${root}docs/pick.md`, "utf8");
/** Blocks of the page, each command with the answer that follows it. */
const snippets = [...page.matchAll(/```sh\n([\s\S]*?)```(?:\s*```json\n([\s\S]*?)```)?/g)].map(
  ([, command = "", answer]) => ({ command, answer }),
);
const calls = snippets.filter(({ command }) => command.startsWith("curl"));
const clients = (snippets.at(-1)?.command ?? "").trim().split("\n");

const isGo = (command: string) => command.includes("go run");

let fleet: Fleet;
let host: Host;
let env: NodeJS.ProcessEnv = process.env;

beforeAll(async () => {
  fleet = await spawnFleet({ servers: 2, timeScale: 0.01, models: ["*"] });
  host = await startHost({ endpoints: fleet.endpoints, args: ["--no-warmup", "--pick-port=0"] });
  if (goMissing !== undefined) return;
  env = installGo();
  await run("cd examples/pick-client-go && go build -o /dev/null .");
});
afterAll(async () => {
  await host?.stop();
  await fleet?.stop();
});

/** What a command of the page prints, asked of this host. */
async function run(command: string): Promise<string> {
  const here = command.replaceAll("127.0.0.1:9005", host.addresses.pick ?? "");
  return (await promisify(execFile)("sh", ["-c", here], { cwd: root, env })).stdout;
}

describe("docs/pick.md", () => {
  it("shows calls that do what it says", async () => {
    expect(calls).toHaveLength(4);
    const [withBody, withFacts, complete, refused] = calls;
    const picked = JSON.parse(await run(withBody?.command ?? "")) as { decisionId: string; endpoints: string[] };
    const shown = JSON.parse(withBody?.answer ?? "") as typeof picked;
    const address = shown.endpoints[0] ?? "";
    const expected = JSON.stringify({ ...shown, decisionId: picked.decisionId }).replaceAll(
      address,
      picked.endpoints[0] ?? "",
    );
    expect(picked).toEqual(JSON.parse(expected));
    expect(fleet.endpoints).toContain(picked.endpoints[0]);

    expect(JSON.parse(await run(withFacts?.command ?? ""))).toHaveProperty("decisionId");
    expect(await host.metric("outrider_inflight_requests")).toBe(2);
    const told = complete?.command.replace(shown.decisionId, picked.decisionId) ?? "";
    expect(JSON.parse(await run(told))).toEqual(JSON.parse(complete?.answer ?? ""));
    expect(JSON.parse(await run(told))).toMatchObject({ code: "not_found" });
    expect(await host.metric("outrider_inflight_requests")).toBe(1);
    expect(await host.metric('outrider_pick_reported_tokens_total{kind="cached"}')).toBe(1536);

    expect(JSON.parse(await run(refused?.command ?? ""))).toEqual(JSON.parse(refused?.answer ?? ""));
  });

  it("has the flags of the command", async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [
      `${root}host/outrider/src/main.ts`,
      "serve",
      "--help",
    ]);
    for (const [, flag = ""] of page.matchAll(/`(--[a-z-]+)`/g)) expect(stdout).toContain(flag);
  });
});

describe("the example clients", () => {
  it("are four", () => expect(clients).toHaveLength(4));

  for (const command of clients) {
    const missing = isGo(command) ? goMissing : undefined;
    it.skipIf(missing !== undefined)(
      `${command.split(" http")[0]} gets an answer and completes${missing ? ` (${missing})` : ""}`,
      async () => {
        const open = await host.metric("outrider_pick_open");
        const completed = 'outrider_pick_calls_total{call="complete",outcome="ok"}';
        const before = await host.metric(completed);
        const [, decisionId, endpoint] = /^decision (\S+) endpoint (\S+) status 200\n$/.exec(await run(command)) ?? [];
        expect(fleet.endpoints).toContain(endpoint);
        expect(await decisionOf(decisionId)).toMatchObject({ door: "pick" });
        expect(await host.metric(completed)).toBe(before + 1);
        expect(await host.metric("outrider_pick_open")).toBe(open);
      },
    );
  }

  it("say so when they are refused, and fail", async () => {
    for (const command of clients.filter((client) => goMissing === undefined || !isGo(client))) {
      const withoutModel = command.replace(/ m(?=\)?$)/, " ''");
      await expect(run(withoutModel)).rejects.toThrow(/refused: .*model/);
    }
  });
});

async function decisionOf(decisionId: string | undefined): Promise<unknown> {
  const response = await fetch(`http://${host.addresses.admin}/outrider.admin.v1.AdminService/GetDecision`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ decisionId }),
  });
  return ((await response.json()) as { decisions: { decision: unknown }[] }).decisions[0]?.decision;
}
