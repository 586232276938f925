import { describe, expect, it } from "vitest";
import { command, plugin, scripted } from "../fixtures/harness.ts";
import type { PluginTiming } from "../plugin-timing.ts";
import type { PluginState } from "../types.ts";
import { counted, expectDecided, processEnded, runBadPlugin, slow } from "./run-bad-plugin.ts";

interface Opening {
  readonly title: string;
  readonly mode: string;
  /** What it ends in, and what the operator reads. */
  readonly state: PluginState;
  readonly message: RegExp;
  readonly timing?: Partial<PluginTiming>;
  /** Starts after the first; three crashes are tolerated less here than by default. */
  readonly restarts: number;
}

const openings: readonly Opening[] = [
  {
    title: "never answers the handshake",
    mode: "silent",
    state: "quarantined",
    message: /^3 ends within 120 s, last: no answer to hello within 300 ms$/,
    timing: { handshakeMs: 300 },
    restarts: 2,
  },
  {
    title: "speaks no HTTP/2",
    mode: "garbage",
    state: "quarantined",
    message: /^3 answers against the contract within 60 s, last: .*Protocol error/,
    restarts: 0,
  },
  {
    title: "exits at once",
    mode: "exits",
    state: "quarantined",
    message: /^3 ends within 120 s, last: exited with code 7$/,
    restarts: 2,
  },
  {
    title: "listens nowhere",
    mode: "listens-nowhere",
    state: "quarantined",
    message: /last: listens neither on OUTRIDER_PLUGIN_SOCKET nor on PORT 300 ms after its start$/,
    timing: { startupMs: 300 },
    restarts: 2,
  },
  {
    title: "acknowledges no state",
    mode: "no-acks",
    state: "quarantined",
    message: /^3 ends within 120 s, last: acknowledged no state within 300 ms$/,
    timing: { syncMs: 300 },
    restarts: 2,
  },
  { title: "does not accept the token", mode: "refuses", state: "failed", message: /unauthenticated/, restarts: 0 },
  {
    title: "speaks another version, by 404",
    mode: "other-major",
    state: "failed",
    message: /^team serves no Session of outrider.scorer.v1: serve that version, or unary calls over HTTP\/1.1/,
    restarts: 0,
  },
  {
    title: "speaks another version, by `unimplemented`",
    mode: "unimplemented",
    state: "failed",
    message: /^team serves no Session of outrider.scorer.v1/,
    restarts: 0,
  },
];

describe("a plugin that", slow, () => {
  for (const { title, mode, state, message, timing, restarts } of openings) {
    it(`${title} ends ${state}; requests are decided without it`, async () => {
      const host = await runBadPlugin({ MODE: mode }, { timing: { crashLimit: 3, ...timing }, startMs: 30_000 });
      const status = host.status("mine");
      expect(status).toMatchObject({ state, message: expect.stringMatching(message), restarts });
      expect(status.events.at(-1)).toMatchObject({ to: state, message: status.message });
      expect(await counted(host, "outrider_plugin_restarts_total")).toBe(restarts);
      expect(await expectDecided(host)).toMatchObject({ kind: "failed", error: { code: "SCORER_UNAVAILABLE" } });
      await processEnded(host);
      expect(host.runtime.release("mine")).toBe(true);
      await host.reach("mine", state);
    });
  }

  it("is a command that does not exist says so", async () => {
    const host = await runBadPlugin({}, { processes: [command("/no/such/program")] });
    expect((await host.reach("mine", "quarantined")).message).toMatch(/cannot be started: no such command/);
  });

  it("prints what others shake hands by to stdout is heard in the log alone, 200 lines a second", async () => {
    const host = await runBadPlugin({ MODE: "chats" });
    expect(host.status("mine").state).toBe("active");
    for (let call = 0; call < 20; call += 1) {
      expect((await expectDecided(host)).kind).toBe("scored");
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    expect(host.logs.some(({ stream, msg }) => stream === "stdout" && msg === "1|1|tcp|127.0.0.1:1234|grpc")).toBe(
      true,
    );
  });

  const everything = [
    "request.prompt_text",
    "request.token_ids",
    "request.headers",
    "request.block_hashes",
    "request.no_such_fact",
    "events.headers",
    "veto",
  ];

  it("asks for everything gets what asking is enough for; each refusal is in the log, with its remedy", async () => {
    const host = await runBadPlugin({ NEEDS: `${everything.join()},request.session_key,events.done` });
    expect(host.status("mine").granted).toEqual(["request.session_key", "events.done"]);
    const refused = host.logs.filter(({ msg }) => msg.startsWith("not granted: ")).map(({ msg }) => msg);
    expect(refused.length).toBe(everything.length);
    for (const key of everything) expect(refused.some((line) => line.includes(key))).toBe(true);
    expect((await expectDecided(host)).kind).toBe("scored");
  });

  it("cannot do without everything fails with all that is missing, and where to write it", async () => {
    const host = await runBadPlugin({ NEEDS: everything.map((key) => `${key}!`).join() });
    const { state, message } = host.status("mine");
    expect(state).toBe("failed");
    for (const key of everything) expect(message).toContain(key);
    expect(message).toContain('write "grant: [request.prompt_text]" at plugins[0]');
    expect((await expectDecided(host)).kind).toBe("failed");
  });

  it("is wanted by its operator is missed in readiness until it serves", async () => {
    const processes = [scripted({ MODE: "exits" })];
    const host = await runBadPlugin({}, { specs: [plugin("mine", { required: true })], processes });
    expect(host.runtime.missingRequired()).toEqual(["mine"]);
  });
});
