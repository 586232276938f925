import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { type Fleet, spawnFleet } from "@outrider/fleet";
import { Agent, request } from "undici";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type Host, startHost } from "../clients/host.ts";
import { readEvents } from "../clients/openai-stream.ts";
import { until } from "../clients/poll.ts";
import { runTraffic } from "../clients/traffic.ts";

let fleet: Fleet;
let host: Host;
let door = "";

beforeAll(async () => {
  fleet = await spawnFleet({ servers: 3, timeScale: 0.01, models: ["*"], protocols: ["http1", "h2c"] });
});
afterAll(() => fleet?.stop());
afterEach(() => fleet.fault("*", {}));

async function open(args: readonly string[] = [], endpoints = fleet.endpoints): Promise<void> {
  host = await startHost({ endpoints, args: ["--no-warmup", "--gateway-port=0", ...args] });
  door = `http://${host.addresses.gateway}`;
}

const completion = (members: object = {}) =>
  JSON.stringify({ model: "m", prompt: "x ".repeat(50), max_tokens: 8, ...members });

const leases = async () => (await fleet.stats()).total.openRequests;

for (const upstream of ["http1", "h2c"] as const) {
  describe(`the gateway, its model servers spoken to by ${upstream}`, () => {
    beforeAll(() => open([`--gateway-upstream=${upstream}`, "--max-body-bytes=30Mi"]));
    afterAll(() => host.stop());

    it("answers an OpenAI client, whole and streamed", async () => {
      const whole = await request(`${door}/v1/completions`, { method: "POST", body: completion() });
      const answer = (await whole.body.json()) as { usage: { completion_tokens: number } };
      expect([whole.statusCode, answer.usage.completion_tokens]).toEqual([200, 8]);
      expect(fleet.endpoints).toContain(whole.headers["x-served-by"]);
      expect(whole.headers["x-request-id"]).toMatch(/^[0-9a-f-]{36}$/);
      const chat = { model: "m", messages: [{ role: "user", content: "hello" }], max_tokens: 20, stream: true };
      const events = await readEvents(`${door}/v1/chat/completions`, chat);
      expect(events.at(-1)).toBe("[DONE]");
      expect(events.length).toBeGreaterThan(2);
    });

    it("passes what model servers get and give byte for byte", async () => {
      const body = completion({ filler: "x".repeat(20 * 1024 * 1024) });
      const { body: answer, trailers, headers } = await request(`${door}/echo?trailers=1`, { method: "POST", body });
      const echoed = (await answer.json()) as { bodyBytes: number; sha256: string; httpVersion: string };
      expect(echoed).toMatchObject({ bodyBytes: body.length, httpVersion: upstream === "h2c" ? "2.0" : "1.1" });
      expect([headers["x-echo-method"], trailers["x-echo-trailer"]]).toEqual(["POST", echoed.sha256]);
    });

    it("frees a model server's slot when the client of a stream leaves", async () => {
      await fleet.fault("*", { slowFactor: 50 });
      const body = completion({ stream: true, max_tokens: 1000 });
      const left = await request(`${door}/v1/completions`, { method: "POST", body });
      await once(left.body, "data");
      expect(await leases()).toBe(1);
      left.body.on("error", () => {}).destroy();
      await until(leases, (count) => count === 0);
      const gone = 'outrider_gateway_requests_total{outcome="client_gone"}';
      expect(
        await until(
          () => host.metric(gone),
          (count) => count === 1,
        ),
      ).toBe(1);
    });

    it("cuts a stream that its model server cuts, and serves the next", async () => {
      await fleet.fault("*", { resetAfterTokens: 3 });
      const cut = readEvents(`${door}/v1/completions`, { model: "m", prompt: "x", max_tokens: 50, stream: true });
      await expect(cut).rejects.toThrow();
      await fleet.fault("*", {});
      const next = await request(`${door}/v1/completions`, { method: "POST", body: completion() });
      expect(next.statusCode).toBe(200);
      await next.body.dump();
    });

    it("fails no request when a model server leaves", async () => {
      const traffic = runTraffic({ door, ratePerS: 60, count: 180 });
      await sleep(500);
      await fleet.fault(fleet.endpoints[0] ?? "", { leave: true });
      expect(await traffic).toMatchObject({ answered: 180, failures: {} });
    });
  });
}

describe("the gateway", () => {
  afterEach(() => host.stop());

  it("cuts what a killed model server was answering, and says that there is none", async () => {
    const doomed = await spawnFleet({ servers: 1, timeScale: 1, models: ["*"] });
    await open([], doomed.endpoints);
    const stream = request(`${door}/v1/completions`, {
      method: "POST",
      body: completion({ stream: true, max_tokens: 5000 }),
    });
    const { body } = await stream;
    await once(body, "data");
    process.kill(doomed.pid, "SIGKILL");
    await expect(body.text()).rejects.toThrow();
    const ask = async () => {
      const { statusCode, body: refusal } = await request(`${door}/v1/completions`, {
        method: "POST",
        body: completion(),
      });
      return [statusCode, ((await refusal.json()) as { error: { type: string } }).error.type];
    };
    expect(await until(ask, ([status]) => status === 503)).toEqual([503, "server_error"]);
    expect(await host.metric('outrider_gateway_upstream_faults_total{fault="broken"}')).toBeGreaterThanOrEqual(1);
  });

  it("lists the models of all model servers, of which each has others", async () => {
    const other = await spawnFleet({ servers: 1, timeScale: 0.01, models: ["zeta", "alpha"], adapters: ["lora-1"] });
    await open([], [fleet.endpoints[0] ?? "", ...other.endpoints]);
    const ids = async () => {
      const { body } = await request(`${door}/v1/models`);
      return ((await body.json()) as { data: { id: string }[] }).data.map(({ id }) => id);
    };
    expect(await ids()).toEqual(["*", "alpha", "lora-1", "zeta"]);
    const one = await request(`${door}/v1/models/alpha`);
    expect(await one.body.json()).toMatchObject({ id: "alpha", object: "model" });
    await other.stop();
    expect(await until(ids, (left) => left.length === 1)).toEqual(["*"]);
    expect(await host.metric("outrider_decisions_total")).toBe(0);
  });

  it("answers 504 in time where a model server hangs, and lets it go", async () => {
    await open(["--gateway-response-timeout=300ms"]);
    await fleet.fault("*", { hang: true });
    const { statusCode, body } = await request(`${door}/v1/completions`, { method: "POST", body: completion() });
    expect([statusCode, ((await body.json()) as { error: { code: string } }).error.code]).toEqual([
      504,
      "ServiceUnavailable",
    ]);
    await until(leases, (count) => count === 0);
  });

  it("holds to the limits it is told", async () => {
    await open(["--max-body-bytes=1000", "--max-header-bytes=8Ki", "--max-open-requests=1"]);
    const post = async (body: string, headers = {}) => {
      const answer = await request(`${door}/v1/completions`, { method: "POST", body, headers });
      await answer.body.dump();
      return answer.statusCode;
    };
    expect(await post(completion({ user: "x".repeat(1000) }))).toBe(413);
    expect(await post(completion(), { "x-long": "x".repeat(10_000) })).toBe(431);
    await fleet.fault("*", { hang: true });
    const first = post(completion());
    await until(leases, (count) => count === 1);
    expect(await post(completion())).toBe(429);
    await fleet.fault("*", {});
    expect(await first).toBe(200);
  });

  it("writes a line a request where it is told to", async () => {
    await open(["--gateway-access-log"]);
    const headers = { "x-request-id": "my-request" };
    const { body } = await request(`${door}/v1/completions?secret=1`, { method: "POST", body: completion(), headers });
    await body.dump();
    const lines = () =>
      host
        .log()
        .split("\n")
        .filter((line) => line.includes("my-request"));
    const [line = ""] = await until(lines, (found) => found.length === 1);
    expect(JSON.parse(line)).toMatchObject({ path: "/v1/completions", status: 200, outcome: "ok", retries: 0 });
    expect(host.log()).not.toContain("secret");
  });

  it("loses nothing under load when it is told to end", async () => {
    await open();
    const agent = new Agent({ connections: 20 });
    let answered = 0;
    const lost: string[] = [];
    const client = async () => {
      for (let isOpen = true; isOpen; ) {
        try {
          const { statusCode, headers, body } = await request(`${door}/v1/completions`, {
            method: "POST",
            body: completion({ stream: answered % 2 === 0 }),
            dispatcher: agent,
          });
          await body.text();
          if (statusCode === 200) answered++;
          else lost.push(String(statusCode));
          isOpen = headers.connection !== "close";
        } catch (error) {
          lost.push(String(error));
        }
      }
    };
    const clients = Array.from({ length: 20 }, client);
    const long = readEvents(`${door}/sse?chunks=20&gapMs=100`, undefined);
    await until(
      () => answered,
      (count) => count > 100,
    );
    host.kill("SIGTERM");
    await Promise.all(clients);
    expect(lost).toEqual([]);
    expect((await long).at(-1)).toBe("[DONE]");
    expect(await host.exited).toBe(0);
    await agent.close();
  });
});
