import { once } from "node:events";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import { type Fleet, startFleet } from "./fleet.ts";
import type { FleetOptions } from "./options.ts";
import { chat, open, send, toChat } from "./testing/http.ts";

const fleets: Fleet[] = [];
const longPrompt = "all that is in the system prompt ".repeat(100);

afterEach(async () => {
  await Promise.all(fleets.splice(0).map((fleet) => fleet.stop()));
});

describe("a model server refuses, as vLLM does,", () => {
  const cases: { title: string; path: string; body?: object; want: number; error: RegExp }[] = [
    { title: "an unknown path", path: "/v2", want: 404, error: /Not Found/ },
    { title: "GET on an inference path", path: "/v1/completions", want: 405, error: /Method Not Allowed/ },
    { title: "a body it cannot read", path: "/v1/completions", body: {}, want: 400, error: /BadRequestError/ },
    {
      title: "an unknown model",
      path: "/v1/chat/completions",
      body: toChat("hi", { model: "other" }),
      want: 404,
      error: /The model `other` does not exist.*"NotFoundError","param":"model","code":404/,
    },
    {
      title: "a context it has no room for",
      path: "/v1/completions",
      body: { prompt: "x".repeat(6400), max_tokens: 10 },
      want: 400,
      error: /maximum context length is 1600 tokens. However, you requested 1610 tokens/,
    },
  ];
  for (const { title, path, body, want, error } of cases) {
    it(title, async () => {
      const { endpoints } = await start({ kvTokens: 1600 });
      const answer = await send(endpoints[0], path, body === undefined ? {} : { body });
      expect(answer.status).toBe(want);
      expect(answer.body).toMatch(error);
    });
  }
});

describe("a model server", () => {
  it("answers a chat with usage, and names itself", async () => {
    const [endpoint] = (await start()).endpoints;
    const answer = await chat(endpoint, longPrompt);
    expect(answer.headers["x-served-by"]).toBe(endpoint);
    const { choices, usage, model } = JSON.parse(answer.body);
    expect({ model, status: answer.status }).toEqual({ model: "qwen3-32b", status: 200 });
    expect(choices[0]).toMatchObject({ finish_reason: "length", message: { role: "assistant" } });
    expect(usage).toMatchObject({ completion_tokens: 4, prompt_tokens_details: { cached_tokens: 0 } });
  });

  it("streams a token an event, then usage, then the end mark", async () => {
    const [endpoint] = (await start()).endpoints;
    const answer = await chat(endpoint, "hi", {
      stream: true,
      stream_options: { include_usage: true },
      max_tokens: 30,
    });
    expect(answer.headers["content-type"]).toBe("text/event-stream; charset=utf-8");
    const events = answer.body.trimEnd().split("\n\n");
    expect(events).toHaveLength(1 + 30 + 1 + 1 + 1);
    expect(events.at(-2)).toMatch(/"choices":\[\],"usage":\{.*"completion_tokens":30/);
    expect(events.at(-1)).toBe("data: [DONE]");
  });

  it("finds a conversation in its own prefix cache, the answer included", async () => {
    const fleet = await start();
    const question = { role: "user", content: longPrompt };
    const first = JSON.parse((await chat(fleet.endpoints[0], longPrompt, { max_tokens: 160 })).body);
    const messages = [question, first.choices[0].message, { role: "user", content: "go on" }];
    const { usage } = JSON.parse((await chat(fleet.endpoints[0], "", { messages })).body);
    const known = first.usage.prompt_tokens + 160;
    expect(usage.prompt_tokens_details.cached_tokens).toBeGreaterThan(known - 32);
    const { total } = await fleet.stats();
    expect(total.hitRate).toBeCloseTo(usage.prompt_tokens_details.cached_tokens / total.promptTokens);
    expect(total).toMatchObject({ requests: 2, completed: 2, running: 0, waiting: 0 });
  });

  it("shares no cache with other servers, adapters or salts", async () => {
    const { endpoints } = await start({ servers: 2, adapters: ["poet"] });
    await chat(endpoints[0], longPrompt);
    const others = [
      chat(endpoints[1], longPrompt),
      chat(endpoints[0], longPrompt, { model: "poet" }),
      chat(endpoints[0], longPrompt, { cache_salt: "tenant" }),
    ];
    for (const { body } of await Promise.all(others)) {
      expect(JSON.parse(body).usage.prompt_tokens_details.cached_tokens).toBe(0);
    }
  });

  it("frees the slot of a client that leaves, running or queued", async () => {
    const fleet = await start({ maxRunning: 1, timeScale: 1 });
    const calls = [1, 2, 3].map(() => {
      const call = open(fleet.endpoints[0], "/v1/chat/completions", { body: toChat("hi", { max_tokens: 10_000 }) });
      return call.on("error", () => {});
    });
    await until(fleet, ({ running, waiting }) => running === 1 && waiting === 2);
    for (const call of calls) call.destroy();
    await until(fleet, ({ running, waiting, openRequests }) => running + waiting + openRequests === 0);
    expect((await fleet.stats()).total).toMatchObject({ aborted: 3, completed: 0 });
  });

  it("serves its metrics, live", async () => {
    const [endpoint] = (await start()).endpoints;
    await chat(endpoint, longPrompt);
    await chat(endpoint, longPrompt);
    const { headers, body } = await send(endpoint, "/metrics");
    expect(headers["content-type"]).toBe("text/plain; version=0.0.4; charset=utf-8");
    expect(Number(headers["content-length"])).toBe(body.length);
    expect(body).toContain(
      'vllm:request_success_total{engine="0",finished_reason="length",model_name="qwen3-32b"} 2.0',
    );
    expect(body).toContain('vllm:time_to_first_token_seconds_count{engine="0",model_name="qwen3-32b"} 2.0');
    const { promptTokens, cachedTokens } = (await fleets.at(-1)!.stats()).total;
    const computed = `source="local_compute"} ${promptTokens - cachedTokens}.0`;
    expect(body).toContain(`vllm:prompt_tokens_total{engine="0",model_name="qwen3-32b"} ${promptTokens}.0`);
    expect(body).toContain(`vllm:prompt_tokens_by_source_total{engine="0",model_name="qwen3-32b",${computed}`);
    expect(body).not.toContain("lora_requests_info");
  });

  it("counts the tokens of a prompt with its first token, as vLLM does, and its look-up when it is admitted", async () => {
    const fleet = await start({ timeScale: 1_000 });
    const call = open(fleet.endpoints[0], "/v1/chat/completions", { body: toChat(longPrompt) });
    call.on("error", () => {});
    await until(fleet, ({ running }) => running === 1);
    const { body } = await send(fleet.endpoints[0], "/metrics");
    call.destroy();
    const totalOf = (family: string) => Number(new RegExp(`^${family}\\S* (.*)$`, "m").exec(body)?.[1]);
    expect(totalOf("vllm:prefix_cache_queries_total")).toBeGreaterThan(0);
    expect(totalOf("vllm:prompt_tokens_total")).toBe(0);
    expect(totalOf("vllm:prompt_tokens_by_source_total")).toBe(0);
  });

  it("serves health and its models", async () => {
    const [endpoint] = (await start({ adapters: ["poet"] })).endpoints;
    expect(await send(endpoint, "/health")).toMatchObject({ status: 200, body: "" });
    const models = JSON.parse((await send(endpoint, "/v1/models")).body).data;
    expect(models).toMatchObject([
      { id: "qwen3-32b", parent: null },
      { id: "poet", parent: "qwen3-32b" },
    ]);
  });
});

describe("on demand, a model server", () => {
  it("leaves: refuses connections, finishes what it has, closes behind it, and comes back", async () => {
    const fleet = await start({ timeScale: 1 });
    const [endpoint] = fleet.endpoints;
    const call = open(endpoint, "/v1/chat/completions", { body: toChat("hi", { stream: true }) });
    const [message] = await once(call, "response");
    await fleet.fault(endpoint, { leave: true });
    await expect(send(endpoint, "/health")).rejects.toThrow(/ECONNREFUSED/);
    expect(await text(message)).toContain("data: [DONE]");
    await until(fleet, ({ openRequests }) => openRequests === 0);
    await fleet.fault(endpoint, {});
    expect((await chat(endpoint, "hi")).status).toBe(200);
  });

  it("hangs, and answers when it is well again", async () => {
    const fleet = await start();
    await fleet.fault("*", { hang: true });
    let isAnswered = false;
    const answer = chat(fleet.endpoints[0], "hi", { stream: true }).finally(() => (isAnswered = true));
    await until(fleet, ({ waiting, running }) => waiting + running === 1);
    await sleep(30);
    expect(isAnswered).toBe(false);
    await fleet.fault("*", {});
    expect((await answer).body).toContain("data: [DONE]");
  });

  it("fails its share of requests", async () => {
    const fleet = await start();
    await fleet.fault("*", { errorShare: 0.25 });
    const statuses: number[] = [];
    for (let i = 0; i < 8; i++) statuses.push((await chat(fleet.endpoints[0], "hi")).status);
    expect(statuses).toEqual([200, 200, 200, 500, 200, 200, 200, 500]);
    expect((await fleet.stats()).total).toMatchObject({ requests: 8, completed: 6, failed: 2 });
  });

  it("takes longer", async () => {
    const fleet = await start();
    await fleet.fault("*", { slowFactor: 1000 });
    await chat(fleet.endpoints[0], "hi", { max_tokens: 1 });
    const page = (await send(fleet.endpoints[0], "/metrics")).body;
    const seconds = Number(/^vllm:time_to_first_token_seconds_sum\S* (.*)$/m.exec(page)?.[1]);
    expect(seconds).toBeGreaterThan(1000 * 0.01 * timeScale);
  });

  it("cuts a stream by a reset, and before its headers", async () => {
    const fleet = await start();
    const [endpoint] = fleet.endpoints;
    await fleet.fault(endpoint, { resetAfterTokens: 3 });
    const call = open(endpoint, "/v1/chat/completions", { body: toChat("hi", { stream: true, max_tokens: 50 }) });
    call.on("error", () => {});
    const [message] = await once(call, "response");
    let body = "";
    message.on("data", (chunk: Buffer) => (body += chunk.toString()));
    const [error] = await once(message, "error");
    expect(error).toMatchObject({ code: "ECONNRESET" });
    expect(body.match(/"content":"[a-z]{3} "/g)).toHaveLength(3);
    await fleet.fault(endpoint, { resetAfterTokens: 0 });
    await expect(chat(endpoint, "hi", { stream: true })).rejects.toThrow(/ECONNRESET|hang up/);
    await until(fleet, ({ running, aborted, openRequests }) => running + openRequests === 0 && aborted === 2);
  });

  for (const stream of [true, false]) {
    it(`ends an answer with trailers, stream: ${stream}`, async () => {
      const fleet = await start();
      await fleet.fault("*", { trailers: true });
      const answer = await chat(fleet.endpoints[0], "hi", { stream });
      expect(answer.trailers).toEqual({ "x-generated-tokens": "4" });
      expect(answer.headers["content-type"]).toMatch(stream ? /event-stream/ : /json/);
    });
  }

  const pages = [
    { title: "HTML", metrics: "html", want: /^<!DOCTYPE html>/ },
    { title: "half a line", metrics: "half-line", want: /\nvllm:kv_cache_usage_perc\{engine="0",[a-z_]+$/ },
    { title: "NaN", metrics: "nan", want: /\nvllm:num_requests_waiting\{.*\} NaN\n/ },
    { title: "an error", metrics: "error", want: /^Internal Server Error$/ },
  ] as const;
  for (const { title, metrics, want } of pages) {
    it(`serves as metrics ${title}`, async () => {
      const fleet = await start();
      await fleet.fault("*", { metrics });
      const answer = await send(fleet.endpoints[0], "/metrics");
      expect(answer.status).toBe(metrics === "error" ? 500 : 200);
      expect(answer.body).toMatch(want);
    });
  }

  it("serves as metrics 100 MB, at the pace of the reader", async () => {
    const fleet = await start();
    await fleet.fault("*", { metrics: "huge" });
    const [message] = await once(open(fleet.endpoints[0], "/metrics"), "response");
    let bytes = 0;
    for await (const chunk of message) bytes += chunk.length;
    expect(bytes).toBeGreaterThanOrEqual(100 * 2 ** 20);
  });

  it("never answers for its metrics", async () => {
    const fleet = await start();
    await fleet.fault("*", { metrics: "hang" });
    const call = open(fleet.endpoints[0], "/metrics").on("error", () => {});
    await until(fleet, ({ openRequests }) => openRequests === 1);
    call.destroy();
    await until(fleet, ({ openRequests }) => openRequests === 0);
  });
});

describe("the control API", () => {
  const orders = [
    { title: "what is no JSON", body: "{", error: /JSON/ },
    { title: "no endpoint", body: "{}", error: /an order has an endpoint/ },
    { title: "an unknown endpoint", body: '{"endpoint":"1.2.3.4:5","faults":{}}', error: /no server 1.2.3.4:5/ },
    { title: "an unknown fault", body: '{"endpoint":"*","faults":{"x":1}}', error: /unknown fault \\"x\\"/ },
    { title: "no faults", body: '{"endpoint":"*"}', error: /faults must be an object/ },
  ];
  for (const { title, body, error } of orders) {
    it(`refuses ${title}`, async () => {
      const answer = await send(new URL((await start()).control).host, "/faults", { body });
      expect(answer.status).toBe(400);
      expect(answer.body).toMatch(error);
    });
  }

  it("tells stats and takes faults", async () => {
    const { control, endpoints } = await start({ servers: 2 });
    const { host } = new URL(control);
    const order = { endpoint: endpoints[1], faults: { errorShare: 1 } };
    expect((await send(host, "/faults", { body: order })).status).toBe(200);
    expect((await chat(endpoints[1], "hi")).status).toBe(500);
    const { servers, total } = JSON.parse((await send(host, "/stats")).body);
    expect(servers).toMatchObject([
      { endpoint: endpoints[0], failed: 0 },
      { endpoint: endpoints[1], failed: 1 },
    ]);
    expect(total).toMatchObject({ requests: 1, failed: 1, hitRate: 0 });
  });
});

const timeScale = 0.02;

async function start(options: FleetOptions = {}): Promise<Fleet> {
  const fleet = await startFleet({ timeScale, ...options });
  fleets.push(fleet);
  return fleet;
}

/** Waits until the fleet's total is as wanted; the test's own time-out ends it. */
async function until(fleet: Fleet, isSo: (total: Awaited<ReturnType<Fleet["stats"]>>["total"]) => boolean) {
  while (!isSo((await fleet.stats()).total)) await sleep(5);
}
