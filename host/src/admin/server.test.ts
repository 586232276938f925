import { request } from "node:http";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { OutriderError } from "@outrider/core/contract";
import { AdminService } from "@outrider/protos/admin";
import { afterEach, describe, expect, it } from "vitest";
import type { FrameListener } from "../plugins/types.ts";
import { config, decide, plan } from "../record/fixtures/decide.ts";
import { createDecisionRing } from "../scheduling/decision-ring.ts";
import type { PluginControl } from "./plugin-procedures.ts";
import { type AdminServer, createAdminServer } from "./server.ts";
import type { PluginView } from "./service.ts";

const loopback = { host: "127.0.0.1", port: 0 };
const procedure = "/outrider.admin.v1.AdminService/ListPlugins";
const token = "0123456789abcdef";

const status: PluginView = {
  name: "even",
  type: "even-scorer",
  placement: "process",
  process: "team",
  state: "backoff",
  message: "starts again in 2 s",
  profile: "session",
  pid: 77,
  restarts: 2,
  calls: { scored: 5, abstained: 0, late: 1, failed: 0, shed: 0 },
  inFlight: 0,
  lateAnswers: 1,
  violations: 0,
  revLag: 0,
  droppedFeedback: 0,
  offendingFrame: undefined,
  lastError: "SCORER_UNAVAILABLE: gone",
  granted: ["waiting_requests"],
  generation: 4,
  pluginVersion: "1.2.3",
  events: [{ atMs: 9, generation: 4, from: "active", to: "backoff", message: "gone" }],
  times: { call: { p50Us: 400, p99Us: 900 }, host: undefined, wire: undefined, plugin: undefined },
  resyncs: 1,
  fallbacks: 3,
};

let server: AdminServer | undefined;
afterEach(() => server?.close());

/** Who listens to the frames of plugins. */
const listeners = new Set<FrameListener>();

type Client = Awaited<ReturnType<typeof start>>;

interface StartOptions {
  readonly token?: string;
  readonly reasons?: string[];
  readonly decisions?: number;
  readonly upgrade?: PluginControl["upgrade"];
}

async function start(options: StartOptions = {}) {
  const ring = createDecisionRing(10);
  for (let i = 1; i <= (options.decisions ?? 0); i++) {
    ring.add(await decide(`d${i}`), { door: "gateway", plan, refusal: undefined });
  }
  server = await createAdminServer({
    address: loopback,
    token: options.token,
    readiness: () => options.reasons ?? [],
    plugins: () => [status, { ...status, name: "picky", state: "active" }],
    control: {
      upgrade: options.upgrade ?? (() => Promise.reject(new OutriderError("PLUGIN_REJECTED", "it listens nowhere"))),
      release: (name) => name === "even",
      tap(listener) {
        listeners.add(listener);
        return () => void listeners.delete(listener);
      },
      header: () => ({ format: "outrider.record.v1", generation: 3 }),
    },
    config: () => ({ generation: 3, config, loadedAtMs: 1_700_000_000_000 }),
    decisions: { ...ring, contextOf: (record) => ring.circumstancesOf(record) },
  });
  const transport = createConnectTransport({
    baseUrl: `http://${server.address}`,
    httpVersion: "1.1",
    useBinaryFormat: false,
  });
  return createClient(AdminService, transport);
}

/** One request with exactly these headers; fetch would not let the host be another. */
function ask(
  path: string,
  headers: Record<string, string> = {},
  body?: string,
): Promise<{ status: number; text: string }> {
  const [host, port] = server!.address.split(":");
  return new Promise((resolve, reject) => {
    const message = request({ host, port, path, method: body === undefined ? "GET" : "POST", headers }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      response.on("end", () => resolve({ status: response.statusCode ?? 0, text }));
    });
    message.on("error", reject).end(body);
  });
}

const json = { "content-type": "application/json" };

describe("the admin interface", () => {
  it("is alive, and ready when nothing speaks against it", async () => {
    await start();
    expect(await ask("/healthz")).toEqual({ status: 200, text: "ok\n" });
    expect(await ask("/readyz?verbose")).toEqual({ status: 200, text: "ready\n" });
  });

  it("says why it is not ready", async () => {
    await start({ reasons: ["warming up", "plugin even is not active"], token });
    expect(await ask("/readyz")).toEqual({ status: 503, text: "warming up\nplugin even is not active\n" });
  });

  it("answers a browser that lost its way", async () => {
    await start();
    expect((await ask("/")).status).toBe(404);
  });

  it("answers a request that has no URL, and lives on", async () => {
    await start({ token });
    const headers = { ...json, authorization: `Bearer ${token}`, host: "[" };
    expect((await ask(procedure, headers, "{}")).status).toBe(400);
    expect((await ask("/healthz")).status).toBe(200);
  });

  it("lists plugins with what the configuration says of them", async () => {
    const client = await start();
    const { plugins } = await client.listPlugins({ names: ["even"] });
    expect(plugins).toHaveLength(1);
    expect(plugins[0]).toMatchObject({
      name: "even",
      process: "team",
      state: "backoff",
      profile: "session",
      pid: 77,
      restarts: 2,
      generation: 4,
      pluginVersion: "1.2.3",
      calls: { scored: 5, late: 1 },
      callDuration: { p50Us: 400, p99Us: 900 },
      resyncs: 1,
      fallbacks: 3,
      events: [{ atMs: 9, generation: 4, from: "active", to: "backoff", message: "gone" }],
      budgetUs: 2_000,
      required: true,
      granted: ["waiting_requests"],
    });
    expect((await client.listPlugins({})).plugins.map(({ name }) => name)).toEqual(["even", "picky"]);
  });

  it("tells how an upgraded process compares with the one before", async () => {
    const durations = { p50Us: 200, p99Us: 500 };
    const client = await start({
      upgrade: async () => ({
        name: "team",
        generation: 2,
        calls: 200,
        agreement: 0.5,
        before: durations,
        after: durations,
      }),
    });
    const answer = await client.upgradePlugin({ name: "even" });
    expect(answer).toMatchObject({
      process: "team",
      generation: 2,
      shadowCalls: 200,
      agreement: 0.5,
      after: durations,
    });
  });

  it("leaves out what no call has shown", async () => {
    const client = await start({
      upgrade: async () => ({
        name: "team",
        generation: 2,
        calls: 0,
        agreement: NaN,
        before: undefined,
        after: undefined,
      }),
    });
    const { agreement, before: old } = await client.upgradePlugin({ name: "team" });
    expect([agreement, old]).toEqual([undefined, undefined]);
  });

  const vain = [
    {
      title: "an upgrade of what is not there",
      ask: (c: Client) => c.upgradePlugin({ name: "x" }),
      code: Code.NotFound,
    },
    {
      title: "an upgrade that fails",
      ask: (c: Client) => c.upgradePlugin({ name: "even" }),
      code: Code.FailedPrecondition,
    },
    {
      title: "the release of what is not there",
      ask: (c: Client) => c.releasePlugin({ name: "x" }),
      code: Code.NotFound,
    },
    {
      title: "the release of what was not given up",
      ask: (c: Client) => c.releasePlugin({ name: "picky" }),
      code: Code.FailedPrecondition,
    },
  ];
  for (const { title, ask: call, code } of vain) {
    it(`refuses ${title}`, async () => {
      const error = await call(await start()).then(
        () => undefined,
        (cause: unknown) => ConnectError.from(cause),
      );
      expect(error?.code).toBe(code);
    });
  }

  it("releases a plugin", async () => {
    expect(await (await start()).releasePlugin({ name: "even" })).toBeDefined();
  });

  it("streams frames behind a header, as many as asked for, and hears no more then", async () => {
    const client = await start();
    const seen: (string | undefined)[] = [];
    for await (const { record } of client.watchFrames({ limit: 2 })) {
      seen.push(record?.entry.case);
      for (const listen of listeners) {
        listen({ process: "team", generation: 1, atMs: 1, direction: "sent", message: new Uint8Array(0) });
      }
    }
    expect(seen).toEqual(["header", "frame", "frame"]);
    expect(listeners.size).toBe(0);
  });

  it("refuses frames of a process that is not there", async () => {
    const client = await start();
    const first = client
      .watchFrames({ processes: ["x"] })
      [Symbol.asyncIterator]()
      .next();
    await expect(first).rejects.toMatchObject({ code: Code.NotFound });
  });

  it("shows the configuration in force", async () => {
    const client = await start();
    expect(await client.getConfig({})).toMatchObject({
      generation: 3,
      source: "epp.yaml",
      text: "env: { TOKEN: *** }\n",
      sha256: "00ff",
      loadedAtMs: 1_700_000_000_000,
    });
  });

  const questions = [
    { title: "the latest decision where none is named", which: {}, want: ["d3"] },
    { title: "the latest so many, newest first", which: { case: "latest", value: 2 }, want: ["d3", "d2"] },
    { title: "a decision by its id", which: { case: "decisionId", value: "d2" }, want: ["d2"] },
    {
      title: "a decision by the id of its request",
      which: { case: "requestId", value: "request-of-d1" },
      want: ["d1"],
    },
  ] as const;
  for (const { title, which, want } of questions) {
    it(`gives ${title}`, async () => {
      const client = await start({ decisions: 3 });
      const { decisions, columns } = await client.getDecision({ which: "case" in which ? which : { case: undefined } });
      expect(decisions.map(({ decision }) => decision?.decisionId)).toEqual(want);
      expect(decisions[0]?.endpoints.map(({ id, slot }) => [slot, id])).toEqual([
        [0, "default/a"],
        [1, "default/b"],
      ]);
      expect(decisions[0]?.decision?.door).toBe("gateway");
      expect(columns.map(({ key }) => key)).toContain("data.uncached_tokens");
    });
  }

  it("has no decision before the first one", async () => {
    const client = await start();
    expect((await client.getDecision({})).decisions).toEqual([]);
  });

  const refusals = [
    { title: "an id that it holds no more", which: { case: "decisionId", value: "d9" }, want: Code.NotFound },
    { title: "no id", which: { case: "requestId", value: "" }, want: Code.InvalidArgument },
    { title: "none of the latest", which: { case: "latest", value: 0 }, want: Code.InvalidArgument },
    { title: "too many", which: { case: "latest", value: 1_001 }, want: Code.InvalidArgument },
  ] as const;
  for (const { title, which, want } of refusals) {
    it(`refuses to give ${title}`, async () => {
      const client = await start({ decisions: 1 });
      const error = await client.getDecision({ which }).catch((cause: unknown) => ConnectError.from(cause));
      expect((error as ConnectError).code).toBe(want);
    });
  }
});

describe("the admin interface, asked by others,", () => {
  const hosts: readonly [string, number][] = [
    ["127.0.0.1:9004", 200],
    ["localhost", 200],
    ["[::1]:9004", 200],
    ["evil.example:9004", 403],
    ["127.0.0.1.evil.example", 403],
  ];
  for (const [host, want] of hosts) {
    it(`answers ${want} where the host is called "${host}"`, async () => {
      await start();
      expect((await ask(procedure, { ...json, host }, "{}")).status).toBe(want);
    });
  }

  const credentials: readonly [string, string | undefined, number][] = [
    ["without a token", undefined, 401],
    ["with a wrong token", "Bearer 0123456789abcdeF", 401],
    ["with another scheme", `Basic ${token}`, 401],
    ["with the token", `Bearer ${token}`, 200],
    ["with the token, in other letters", `bearer  ${token}`, 200],
  ];
  for (const [title, authorization, want] of credentials) {
    it(`answers ${want} ${title}`, async () => {
      await start({ token });
      const headers = { ...json, host: "any.example", ...(authorization === undefined ? {} : { authorization }) };
      expect((await ask(procedure, headers, "{}")).status).toBe(want);
    });
  }

  it("is not opened to other machines without a token", async () => {
    const options = {
      token: undefined,
      address: { host: "0.0.0.0", port: 0 },
    };
    await expect(createAdminServer(options as never)).rejects.toThrow("needs a token to listen on 0.0.0.0");
  });

  const garbage: readonly [string, Record<string, string>, string, number][] = [
    ["text that is no JSON", json, "{", 400],
    ["a field it does not know", json, '{"nmes":[]}', 200],
    ["a value of the wrong kind", json, '{"names":5}', 400],
    ["a request of 1 MB", json, `{"names":["${"x".repeat(1_000_000)}"]}`, 429],
    ["another content type", { "content-type": "text/plain" }, "{}", 415],
    ["bytes that are no message", { "content-type": "application/proto" }, "\xff\xff\xff", 500],
  ];
  for (const [title, headers, body, want] of garbage) {
    it(`answers ${want} to ${title}, and goes on`, async () => {
      await start();
      expect((await ask(procedure, headers, body)).status).toBe(want);
      expect((await ask(procedure, json, "{}")).status).toBe(200);
    });
  }
});
