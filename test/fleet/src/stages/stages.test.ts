import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { type Fleet, startFleet } from "../fleet.ts";
import type { FleetOptions } from "../options.ts";
import { chat, open, send, toChat } from "../testing/http.ts";

const fleets: Fleet[] = [];
afterEach(async () => {
  await Promise.all(fleets.splice(0).map((fleet) => fleet.stop()));
});

async function start(roles: readonly string[], more: FleetOptions = {}): Promise<Fleet> {
  const fleet = await startFleet({ servers: Math.max(roles.length, 1), roles, timeScale: 0.01, ...more });
  fleets.push(fleet);
  return fleet;
}

/** What each server counted, without what it did not. */
async function countsOf(fleet: Fleet) {
  const { servers } = await fleet.stats();
  const names = [
    "completed",
    "prefills",
    "encodes",
    "prefilled",
    "encoded",
    "forwarded",
    "misrouted",
    "peerFailures",
  ] as const;
  return servers.map((server) =>
    Object.fromEntries(names.map((name) => [name, server[name]]).filter(([, count]) => count !== 0)),
  );
}

const ask = (endpoint: string | undefined, headers: Record<string, string>, body: object = toChat("hi")) =>
  send(endpoint ?? "", "/v1/chat/completions", { headers, body });
const longText = "all that is in the system prompt ".repeat(400);
const image = (name: string) => ({ type: "image_url", image_url: { url: `data:image/png;base64,${name}` } });
const withImages = (...names: string[]) => ({
  messages: [{ role: "user", content: [{ type: "text", text: "what is it?" }, ...names.map(image)] }],
  max_tokens: 4,
});
const prefillMark = { kv_transfer_params: { do_remote_decode: true } };

describe("a server refuses, and counts as misrouted,", () => {
  const cases: { title: string; role: string; headers?: Record<string, string>; body?: object }[] = [
    { title: "a whole answer, where it only computes prompts", role: "prefill" },
    { title: "a whole answer, where it only encodes", role: "encode-prefill" },
    { title: "a prompt for another, where it only decodes", role: "decode", body: toChat("hi", prefillMark) },
    { title: "a prompt for another, where it has no role", role: "", body: toChat("hi", prefillMark) },
    {
      title: "to have a prompt computed that it is asked to compute",
      role: "both",
      headers: { "x-prefiller-host-port": "127.0.0.1:1" },
      body: toChat("hi", prefillMark),
    },
    { title: "to have nothing encoded", role: "decode", headers: { "x-encoder-hosts-ports": "127.0.0.1:1" } },
    {
      title: "to hand on to a rank it does not have",
      role: "decode",
      headers: { "x-data-parallel-host-port": "127.0.0.1:1" },
    },
  ];
  for (const { title, role, headers = {}, body = toChat("hi") } of cases) {
    it(title, async () => {
      const fleet = await start([role]);
      expect((await ask(fleet.endpoints[0], headers, body)).status).toBe(400);
      expect(await countsOf(fleet)).toEqual([{ misrouted: 1 }]);
    });
  }

  it("to be its own prefiller", async () => {
    const fleet = await start(["both"]);
    const answer = await ask(fleet.endpoints[0], { "x-prefiller-host-port": fleet.endpoints[0]! });
    expect([answer.status, await countsOf(fleet)]).toEqual([400, [{ misrouted: 1 }]]);
  });
});

describe("a request whose prompt another server is to compute", () => {
  it("is computed there and answered here", async () => {
    const fleet = await start(["prefill", "decode"]);
    const [prefill, decode] = fleet.endpoints;
    const answer = await ask(decode, { "x-prefiller-host-port": prefill! }, toChat(longText));
    expect(answer.headers["x-served-by"]).toBe(decode);
    expect(JSON.parse(answer.body).usage.completion_tokens).toBe(4);
    expect(await countsOf(fleet)).toEqual([
      { completed: 1, prefills: 1 },
      { completed: 1, prefilled: 1 },
    ]);
    const { servers } = await fleet.stats();
    expect(servers.map(({ generatedTokens }) => generatedTokens)).toEqual([1, 4]);
  });

  it("is answered as it would be without, streamed too", async () => {
    const fleet = await start(["prefill", "decode"]);
    const [prefill, decode] = fleet.endpoints;
    const body = toChat(longText, { stream: true, stream_options: { include_usage: true }, max_tokens: 9 });
    const headers = { "x-prefiller-host-port": prefill!, "x-request-id": "one" };
    const [apart, alone] = [await ask(decode, headers, body), await ask(decode, { "x-request-id": "one" }, body)];
    const contentOf = (text: string) => [...text.matchAll(/"content":"([^"]*)"/g)].map(([, token]) => token).join("");
    expect(contentOf(apart.body)).toBe(contentOf(alone.body));
    expect(contentOf(apart.body)).not.toBe("");
  });

  it("has its first token sooner than the server that answers could have had it", async () => {
    const fleet = await start(["prefill", "decode"]);
    const [prefill, decode] = fleet.endpoints;
    const ttftSumS = async () => {
      const { body } = await send(decode!, "/metrics");
      return Number(/^vllm:time_to_first_token_seconds_sum\{.*\} (.*)$/m.exec(body)![1]);
    };
    await ask(decode, { "x-prefiller-host-port": prefill! }, toChat(longText));
    const transferredS = await ttftSumS();
    await ask(decode, {}, toChat(`other ${longText}`));
    const computedS = (await ttftSumS()) - transferredS;
    expect(transferredS).toBeGreaterThan(0);
    expect(transferredS).toBeLessThan(computedS / 2);
  });

  const failures = [
    { title: "is not there", spoil: (fleet: Fleet) => fleet.fault(fleet.endpoints[0]!, { leave: true }), status: 502 },
    { title: "fails", spoil: (fleet: Fleet) => fleet.fault(fleet.endpoints[0]!, { errorShare: 1 }), status: 500 },
  ];
  for (const { title, spoil, status } of failures) {
    it(`fails where that server ${title}`, async () => {
      const fleet = await start(["prefill", "decode"]);
      await spoil(fleet);
      const answer = await ask(fleet.endpoints[1], { "x-prefiller-host-port": fleet.endpoints[0]! });
      expect(answer.status).toBe(status);
      expect((await countsOf(fleet))[1]).toEqual({ peerFailures: 1 });
    });
  }

  it("is given up there too when the client leaves", async () => {
    const fleet = await start(["prefill", "decode"]);
    await fleet.fault(fleet.endpoints[0]!, { hang: true });
    const headers = { "x-prefiller-host-port": fleet.endpoints[0]! };
    const message = open(fleet.endpoints[1]!, "/v1/chat/completions", { headers, body: toChat("hi") });
    message.on("error", () => undefined);
    const open1 = async () => (await fleet.stats()).servers[0]!.openRequests;
    while ((await open1()) === 0) await new Promise((resolve) => setTimeout(resolve, 2));
    message.destroy();
    while ((await open1()) > 0) await new Promise((resolve) => setTimeout(resolve, 2));
    expect((await countsOf(fleet))[1]).toEqual({});
  });
});

describe("a request whose images others are to encode", () => {
  it("is encoded there, computed elsewhere and answered here", async () => {
    const fleet = await start(["encode", "prefill", "decode"]);
    const [encode, prefill, decode] = fleet.endpoints;
    const headers = { "x-encoder-hosts-ports": encode!, "x-prefiller-host-port": prefill! };
    expect((await ask(decode, headers, withImages("a"))).status).toBe(200);
    expect(await countsOf(fleet)).toEqual([
      { completed: 1, encodes: 1 },
      { completed: 1, prefills: 1 },
      { completed: 1, prefilled: 1, encoded: 1 },
    ]);
  });

  it("is shared among several", async () => {
    const fleet = await start(["encode", "encode", "decode"]);
    const [one, two, decode] = fleet.endpoints;
    await ask(decode, { "x-encoder-hosts-ports": `${one},${two}` }, withImages("a", "b", "c"));
    expect(await countsOf(fleet)).toEqual([
      { completed: 1, encodes: 1 },
      { completed: 1, encodes: 1 },
      { completed: 1, encoded: 1 },
    ]);
  });
});

describe("a server with data-parallel ranks", () => {
  it("hands a request to the rank that is named, on one address", async () => {
    const fleet = await start([], { servers: 1, ranks: 3 });
    const ports = fleet.endpoints.map((endpoint) => Number(endpoint.split(":")[1]));
    expect(ports).toEqual([ports[0], ports[0]! + 1, ports[0]! + 2]);
    const answer = await ask(fleet.endpoints[0], { "x-data-parallel-host-port": fleet.endpoints[2]! });
    expect(answer.headers["x-served-by"]).toBe(fleet.endpoints[2]);
    expect(await countsOf(fleet)).toEqual([{ forwarded: 1 }, {}, { completed: 1 }]);
  });

  it("has a prompt computed before it hands on", async () => {
    const fleet = await start(["prefill", "decode"], { servers: 2, ranks: 2 });
    const [prefill, , decode, rank] = fleet.endpoints;
    const headers = { "x-data-parallel-host-port": rank!, "x-prefiller-host-port": prefill! };
    expect((await ask(decode, headers, toChat(longText))).status).toBe(200);
    expect(await countsOf(fleet)).toEqual([
      { completed: 1, prefills: 1 },
      {},
      { forwarded: 1 },
      { completed: 1, prefilled: 1 },
    ]);
  });

  it("answers itself where it is named, or nobody is", async () => {
    const fleet = await start([], { servers: 1, ranks: 2 });
    await ask(fleet.endpoints[0], { "x-data-parallel-host-port": fleet.endpoints[0]! });
    await chat(fleet.endpoints[0]!, "hi");
    expect(await countsOf(fleet)).toEqual([{ completed: 2 }, {}]);
  });

  it("answers 502 where the rank has gone", async () => {
    const fleet = await start([], { servers: 1, ranks: 2 });
    await fleet.fault(fleet.endpoints[1]!, { leave: true });
    const answer = await ask(fleet.endpoints[0], { "x-data-parallel-host-port": fleet.endpoints[1]! });
    expect([answer.status, await countsOf(fleet)]).toEqual([502, [{ forwarded: 1, peerFailures: 1 }, {}]]);
  });

  it("is one of several with the same ports on addresses of their own", async () => {
    const fleet = await start([], { servers: 2, ranks: 2 });
    const [one, , two] = fleet.endpoints.map((endpoint) => endpoint.split(":"));
    expect([one![0], two![0]]).toEqual(["127.0.0.1", "127.0.0.2"]);
    expect(two![1]).toBe(one![1]);
  });
});

describe("the file of endpoints", () => {
  it("names them with their roles", async () => {
    const folder = mkdtempSync(join(tmpdir(), "fleet-"));
    const endpointsFile = join(folder, "pool.json");
    const fleet = await start(["prefill", ""], { endpointsFile });
    const [prefill, plain] = fleet.endpoints.map((endpoint) => endpoint.split(":")[1]);
    expect(JSON.parse(readFileSync(endpointsFile, "utf8"))).toEqual({
      endpoints: [
        { name: "server-0", address: "127.0.0.1", port: prefill, labels: { "llm-d.ai/role": "prefill" } },
        { name: "server-1", address: "127.0.0.1", port: plain },
      ],
    });
    rmSync(folder, { recursive: true });
  });
});
