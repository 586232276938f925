import { connect } from "node:net";
import { Code, ConnectError, createClient, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { PickerService, RefusalSchema } from "@outrider/protos/picker";
import { afterEach, describe, expect, it, vi } from "vitest";
import { refuse } from "../scheduling/refusals.ts";
import type { RefusalCode } from "../scheduling/types.ts";
import type { PickServerOptions } from "./server.ts";
import { type OpenDoor, openDoor } from "./testing/open-door.ts";

let door: OpenDoor | undefined;
afterEach(() => door?.server.close());

async function open(options: Partial<PickServerOptions> = {}): Promise<OpenDoor> {
  door = await openDoor(options);
  return door;
}

const chat = { model: "m", messages: [{ role: "user", content: "hi" }] };
const body = Buffer.from(JSON.stringify(chat)).toString("base64");

describe("a call that cannot be answered", () => {
  it("is told which field is wrong, and that the client is not to blame", async () => {
    const { call, scheduler, metric } = await open();
    const answer = await call("Pick", { model: "m", facts: { promptText: "x", tokenIds: [1] } });
    expect(answer).toMatchObject({ status: 400, body: { code: "invalid_argument" } });
    expect(answer.body.message).toBe("facts.token_ids: must not stand beside prompt_text");
    expect(answer.body.details?.[0]).toMatchObject({
      type: "outrider.picker.v1.Refusal",
      debug: { status: 500, code: "Internal", field: "facts.token_ids" },
    });
    expect(scheduler.seen).toEqual([]);
    expect(await metric('outrider_pick_calls_total{call="pick",outcome="invalid"}')).toBe(1);
  });

  const refusals: readonly { readonly code: RefusalCode; readonly rpc: string; readonly status: number }[] = [
    { code: "BadRequest", rpc: "invalid_argument", status: 400 },
    { code: "NotFound", rpc: "not_found", status: 404 },
    { code: "RequestTimeout", rpc: "deadline_exceeded", status: 408 },
    { code: "PreconditionFailed", rpc: "failed_precondition", status: 412 },
    { code: "PayloadTooLarge", rpc: "out_of_range", status: 413 },
    { code: "ResourceExhausted", rpc: "resource_exhausted", status: 429 },
    { code: "HeadersTooLarge", rpc: "out_of_range", status: 431 },
    { code: "Internal", rpc: "internal", status: 500 },
    { code: "ServiceUnavailable", rpc: "unavailable", status: 503 },
  ];
  for (const { code, rpc, status } of refusals) {
    it(`is ${rpc} where the request is refused as ${code}`, async () => {
      const { call, scheduler, metric } = await open();
      scheduler.answer(refuse(code, "why"));
      const { debug } = (await call("Pick", { body })).body.details?.[0] ?? {};
      expect((await call("Pick", { body })).body).toMatchObject({ code: rpc, message: "why" });
      expect(debug).toEqual({ status, code, message: "why" });
      expect(await metric(`outrider_pick_calls_total{call="pick",outcome="${code}"}`)).toBe(2);
      expect(await metric("outrider_pick_open")).toBe(0);
    });
  }

  it("says in headers too why a request was dropped, and when to try again", async () => {
    const { call, scheduler } = await open();
    scheduler.answer({ ...refuse("ResourceExhausted", "full", "rejected-saturated"), retryAfterS: 1.5 });
    const { headers, body: error } = await call("Pick", { body });
    expect(headers.get("retry-after")).toBe("2");
    expect(headers.get("x-llm-d-request-dropped-reason")).toBe("rejected-saturated");
    expect(error.details?.[0]?.debug).toMatchObject({ droppedReason: "rejected-saturated", retryAfterS: 2 });
  });

  const strange = [
    {
      title: "no JSON",
      init: { method: "POST", headers: { "content-type": "application/json" }, body: "{" },
      status: 400,
    },
    {
      title: "another type",
      init: { method: "POST", headers: { "content-type": "text/xml" }, body: "{}" },
      status: 415,
    },
    { title: "another method", init: { method: "GET" }, status: 405 },
  ];
  for (const { title, init, status } of strange) {
    it(`is answered ${status} when it is ${title}`, async () => {
      const { url, scheduler } = await open();
      const response = await fetch(`${url}/outrider.picker.v1.PickerService/Pick`, init);
      expect(response.status).toBe(status);
      expect(scheduler.seen).toEqual([]);
    });
  }

  it("is answered 400 when it names no host that could be one", async () => {
    const { url } = await open();
    const socket = connect(Number(new URL(url).port), "127.0.0.1");
    const head = "POST /outrider.picker.v1.PickerService/Pick HTTP/1.1\r\nhost: [\r\ncontent-length: 2\r\n\r\n{}";
    expect(await new Promise((resolve) => socket.once("data", (data) => resolve(data.toString())).write(head))).toMatch(
      /^HTTP\/1.1 400 /,
    );
    socket.destroy();
  });

  it("to another page is answered 404", async () => {
    const { url } = await open();
    expect((await fetch(`${url}/outrider.picker.v1.PickerService/Peek`, { method: "POST" })).status).toBe(404);
  });
});

describe("a pick", () => {
  it("names the decision, the endpoints and the headers to set", async () => {
    const { call, scheduler, metric } = await open();
    scheduler.answer({ destinations: ["10.0.0.1:8000", "[fd00::1]:8000"], setHeaders: [["X-Session-Token", "t"]] });
    const headers = [{ name: "X-Request-Id", value: "r" }];
    const answer = await call("Pick", { body, headers, path: "/v1/completions", subset: { endpoints: ["10.0.0.1"] } });
    expect(answer).toMatchObject({ status: 200 });
    expect(answer.body).toEqual({
      decisionId: "decision",
      endpoints: ["10.0.0.1:8000", "[fd00::1]:8000"],
      headers: [
        { name: "x-gateway-destination-endpoint", value: "10.0.0.1:8000,[fd00::1]:8000" },
        { name: "x-session-token", value: "t" },
      ],
    });
    const [{ request, body: seen } = { request: undefined, body: undefined }] = scheduler.seen;
    expect(seen).toBe(JSON.stringify(chat));
    expect(request).toMatchObject({ door: "pick", path: "/v1/completions", subset: ["10.0.0.1"] });
    expect(request?.header("x-request-id")).toBe("r");
    expect(await metric("outrider_pick_open")).toBe(1);
  });

  it("names the headers that must not go on, and those to set on the response", async () => {
    const { call, scheduler } = await open();
    scheduler.answer({
      destinations: ["10.0.0.1:8000"],
      removeHeaders: ["x-slo-ttft-ms", "x-slo-tpot-ms", "x-prefiller-host-port"],
      setResponseHeaders: [["X-Revision", "b"]],
    });
    const headers = [{ name: "x-slo-tpot-ms", value: "50" }];
    expect((await call("Pick", { body, headers })).body).toMatchObject({
      removeHeaders: ["x-slo-tpot-ms", "x-prefiller-host-port"],
      responseHeaders: [{ name: "x-revision", value: "b" }],
    });
  });

  it("hands facts on in the place of a body", async () => {
    const { call, scheduler } = await open();
    await call("Pick", { model: "m", facts: { stream: true, tokenIds: [1, 2, 4294967295] }, subset: {} });
    expect(scheduler.seen[0]?.request).toMatchObject({
      body: undefined,
      subset: [],
      given: { model: "m", stream: true, prompt: { kind: "tokens", tokenIds: Uint32Array.of(1, 2, 4294967295) } },
    });
  });

  it("gives the model server's name of the model, and the body with it", async () => {
    const { call, scheduler } = await open();
    const respond = () => ({ push: (chunk: Uint8Array) => [chunk], end: () => [] });
    const releaseBody = vi.fn();
    const rewrite = { model: "m-v2", body: [Buffer.from('{"model":'), Buffer.from('"m-v2"}')], respond, releaseBody };
    scheduler.answer(
      { destinations: ["10.0.0.1:8000"], rewrite },
      { destinations: ["10.0.0.1:8000"], rewrite: { ...rewrite, body: undefined } },
    );
    const { model, body: changed = "" } = (await call("Pick", { body })).body;
    expect([model, Buffer.from(changed, "base64").toString()]).toEqual(["m-v2", '{"model":"m-v2"}']);
    expect(releaseBody).toHaveBeenCalledOnce();
    expect((await call("Pick", { model: "m" })).body).not.toHaveProperty("body");
  });
});

describe("a completion", () => {
  it("ends its pick with what it tells, once", async () => {
    const { call, scheduler, metric } = await open();
    const { decisionId } = (await call("Pick", { body })).body;
    const usage = { promptTokens: 9, cachedTokens: 4, outputTokens: 2 };
    const told = { decisionId, status: 200, served: "10.0.0.1:8000", usage, ttftMs: 12.5, e2eMs: 40 };
    expect(await call("Complete", told)).toMatchObject({ status: 200, body: {} });
    expect(await call("Complete", told)).toMatchObject({
      status: 404,
      body: { code: "not_found", details: [{ debug: { status: 404, code: "NotFound" } }] },
    });
    const { decisionId: _, ...response } = told;
    expect(scheduler.seen[0]).toMatchObject({ reports: [response], causes: ["ok"] });
    expect(await metric("outrider_pick_open")).toBe(0);
    expect(await metric('outrider_pick_reported_tokens_total{kind="cached"}')).toBe(4);
    expect(await metric('outrider_pick_calls_total{call="complete",outcome="NotFound"}')).toBe(1);
  });

  it("that makes no sense leaves its pick open", async () => {
    const { call, scheduler } = await open();
    const { decisionId } = (await call("Pick", { body })).body;
    expect((await call("Complete", { decisionId, cause: "bored" })).body.details?.[0]?.debug).toMatchObject({
      field: "cause",
    });
    expect((await call("Complete", { decisionId, cause: "client_cancelled" })).status).toBe(200);
    expect(scheduler.seen[0]?.causes).toEqual(["client_cancelled"]);
  });

  it("of a pick that took too long finds nothing", async () => {
    const { call, scheduler, metric } = await open({ timeoutMs: 30 });
    const { decisionId } = (await call("Pick", { body })).body;
    await expect.poll(() => metric("outrider_pick_expired_total")).toBe(1);
    expect((await call("Complete", { decisionId })).status).toBe(404);
    expect(scheduler.seen[0]?.causes).toEqual(["unknown"]);
  });
});

describe("clients of every kind are served on one port:", () => {
  const transports: Readonly<Record<string, (baseUrl: string) => Transport>> = {
    "Connect, protobuf, HTTP/1.1": (baseUrl) =>
      createConnectTransport({ baseUrl, httpVersion: "1.1", useBinaryFormat: true }),
    "Connect, JSON, HTTP/1.1": (baseUrl) =>
      createConnectTransport({ baseUrl, httpVersion: "1.1", useBinaryFormat: false }),
    "Connect, protobuf, HTTP/2": (baseUrl) =>
      createConnectTransport({ baseUrl, httpVersion: "2", useBinaryFormat: true }),
    "gRPC, HTTP/2": (baseUrl) => createGrpcTransport({ baseUrl }),
    "gRPC-Web, HTTP/1.1": (baseUrl) => createGrpcWebTransport({ baseUrl, httpVersion: "1.1" }),
  };
  for (const [title, transport] of Object.entries(transports)) {
    it(title, async () => {
      const { url, scheduler } = await open();
      const client = createClient(PickerService, transport(url));
      const content = { case: "body" as const, value: Buffer.alloc(300_000, "x") };
      const respond = () => ({ push: () => [], end: () => [] });
      const rewrite = { model: "other", body: [Buffer.from("é")], respond, releaseBody() {} };
      scheduler.answer({ destinations: ["10.0.0.1:8000"], rewrite });
      const { decisionId, ...picked } = await client.pick({ content });
      expect(picked).toMatchObject({
        endpoints: ["10.0.0.1:8000"],
        model: "other",
        body: new Uint8Array([0xc3, 0xa9]),
      });
      expect(scheduler.seen[0]?.body).toHaveLength(300_000);
      await client.complete({ decisionId, status: 200 });
      expect(scheduler.seen[0]?.causes).toEqual(["ok"]);
      scheduler.answer(refuse("ServiceUnavailable", "none", "rejected-no-endpoints"));
      const error = ConnectError.from(await client.pick({ content }).catch((cause: unknown) => cause));
      expect(error.code).toBe(Code.Unavailable);
      expect(error.findDetails(RefusalSchema)).toMatchObject([{ status: 503, droppedReason: "rejected-no-endpoints" }]);
    });
  }

  it("a browser that looks after it", async () => {
    const { url } = await open({ readiness: () => ["warming up"] });
    const ask = async (path: string) => {
      const response = await fetch(url + path);
      return [response.status, await response.text()];
    };
    expect(await ask("/healthz")).toEqual([200, "ok\n"]);
    expect(await ask("/readyz")).toEqual([503, "warming up\n"]);
  });
});
