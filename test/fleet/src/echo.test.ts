import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { request } from "node:http";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Fleet, startFleet } from "./fleet.ts";
import { open, send } from "./testing/http.ts";

let fleet: Fleet;
let endpoint: string;

beforeAll(async () => {
  fleet = await startFleet();
  [endpoint] = fleet.endpoints;
});
afterAll(() => fleet.stop());

describe("/echo", () => {
  it("tells what a GET had", async () => {
    const { headers, body } = await send(endpoint, "/echo?a=1", { headers: { "x-mine": "yes" } });
    expect(JSON.parse(body)).toMatchObject({
      method: "GET",
      url: "/echo?a=1",
      headers: { "x-mine": "yes" },
      bodyBytes: 0,
    });
    expect(headers).toMatchObject({ "x-served-by": endpoint, "x-echo-method": "GET" });
  });

  it("answers HEAD with headers alone", async () => {
    const { headers, body } = await send(endpoint, "/echo", { method: "HEAD" });
    expect({ method: headers["x-echo-method"], body }).toEqual({ method: "HEAD", body: "" });
    expect(Number(headers["content-length"])).toBeGreaterThan(0);
  });

  it("tells length and hash of 20 MB", async () => {
    const body = randomBytes(20 * 2 ** 20);
    const sha256 = createHash("sha256").update(body).digest("hex");
    const answer = JSON.parse((await send(endpoint, "/echo", { body })).body);
    expect(answer).toMatchObject({ method: "POST", bodyBytes: body.length, sha256 });
  });

  it("answers when the delay is over", async () => {
    const { body } = await send(endpoint, "/echo?delayMs=5", { body: "later" });
    expect(JSON.parse(body)).toMatchObject({ bodyBytes: 5 });
  });

  it("tells trailers of the request and sends its own", async () => {
    const call = request(`http://${endpoint}/echo?trailers=1&status=503`, {
      method: "POST",
      headers: { trailer: "x-t" },
    });
    call.write("body");
    call.addTrailers({ "x-t": "last" });
    call.end();
    const [message] = await once(call, "response");
    const echoed = JSON.parse(await text(message));
    expect(echoed.trailers).toEqual({ "x-t": "last" });
    expect(message.statusCode).toBe(503);
    expect(message.trailers).toEqual({ "x-echo-trailer": echoed.sha256 });
  });
});

describe("/sse", () => {
  it("sends so many events of so many bytes, and trailers", async () => {
    const { body, trailers } = await send(endpoint, "/sse?chunks=5&bytes=100&trailers=1");
    expect(body.length).toBe(5 * 100 + "data: [DONE]\n\n".length);
    expect(trailers).toEqual({ "x-events": "5" });
  });

  it("resets the connection after so many", async () => {
    const call = open(endpoint, "/sse?chunks=5&bytes=100&resetAfter=2").on("error", () => {});
    const [message] = await once(call, "response");
    let bytes = 0;
    message.on("data", (chunk: Buffer) => (bytes += chunk.length));
    await once(message, "error");
    expect(bytes).toBe(200);
  });

  it("ends when its client leaves", async () => {
    const call = open(endpoint, "/sse?chunks=1000000&gapMs=1").on("error", () => {});
    const [message] = await once(call, "response");
    message.on("error", () => {});
    await once(message, "data");
    call.destroy();
    while ((await fleet.stats()).total.openRequests > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  });
});
