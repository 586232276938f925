import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { eventually } from "../doors/testing/eventually.ts";
import { refuse } from "../scheduling/refusals.ts";
import type { GatewayCall } from "./testing/fake-gateway.ts";
import { type OpenDoor, openDoor } from "./testing/open-door.ts";
import {
  getHeaders,
  metadata,
  postHeaders,
  requestBody,
  responseBody,
  responseHeaders,
  trailers,
} from "./testing/parts.ts";
import { readAnswer } from "./testing/read-answer.ts";

let door: OpenDoor;
beforeEach(async () => {
  door = await openDoor();
});
afterEach(() => door.close());

const answeredHeaders = { part: "responseHeaders", set: { "x-went-into-resp-headers": "true" } };

/** A call whose request has been routed, by one answer. */
async function routedCall(): Promise<GatewayCall> {
  const call = door.open();
  call.send(getHeaders());
  await call.receive(1);
  return call;
}

const causes = () => door.scheduler.seen[0]?.causes;

describe("a response", () => {
  it("passes chunk by chunk, each answered before the next is there", async () => {
    const call = await routedCall();
    call.send(responseHeaders(200, { "content-type": "text/event-stream" }));
    await call.receive(2);
    call.send(responseBody("data: 1\n\n"));
    await call.receive(3);
    call.send(responseBody("data: 2\n\n"));
    await call.receive(4);
    call.send(responseBody("", true));
    const answers = (await call.receive(5)).slice(1).map(readAnswer);
    expect(answers).toEqual([
      answeredHeaders,
      { part: "responseBody", body: "data: 1\n\n", endOfStream: false },
      { part: "responseBody", body: "data: 2\n\n", endOfStream: false },
      { part: "responseBody", body: "", endOfStream: true },
    ]);
    expect(door.scheduler.seen[0]).toMatchObject({
      responses: [{ status: 200, contentType: "text/event-stream", served: undefined }],
      chunks: ["data: 1\n\n", "data: 2\n\n", ""],
      causes: ["ok"],
    });
  });

  it("chunk larger than 62,000 bytes comes back in pieces", async () => {
    const call = await routedCall();
    call.send(responseHeaders(200));
    call.send(responseBody(Buffer.alloc(150_000, "0123456789"), true));
    const chunks = (await call.receive(5)).slice(2).map(readAnswer);
    expect(chunks.map(({ body, endOfStream }) => [body?.length, endOfStream])).toEqual([
      [62_000, false],
      [62_000, false],
      [26_000, true],
    ]);
    expect(chunks.map(({ body }) => body).join("")).toBe(Buffer.alloc(150_000, "0123456789").toString());
  });

  it("tells which endpoint served it, where the gateway tells", async () => {
    const call = await routedCall();
    const served = metadata("envoy.lb", { "x-gateway-destination-endpoint-served": "10.0.0.9:8000", other: 1 });
    call.send(responseHeaders(200), served);
    await call.receive(2);
    expect(door.scheduler.seen[0]?.responses).toEqual([
      { status: 200, contentType: undefined, served: "10.0.0.9:8000" },
    ]);
  });

  it("without a request, made by the gateway itself, is answered too", async () => {
    const call = door.open();
    call.send(responseHeaders(400, { "content-type": "text/plain" }));
    call.send(responseBody("no healthy upstream", true));
    expect((await call.receive(2)).map(readAnswer)).toEqual([
      answeredHeaders,
      { part: "responseBody", body: "no healthy upstream", endOfStream: true },
    ]);
    expect(door.scheduler.seen).toEqual([]);
  });

  it("made by the gateway while the request is decided ends what is decided later", async () => {
    const release = door.scheduler.hold();
    const call = door.open();
    call.send(getHeaders());
    call.send(responseHeaders(504));
    expect((await call.receive(1)).map(readAnswer)).toEqual([answeredHeaders]);
    release();
    await eventually(() => expect(causes()).toEqual(["unknown"]));
    call.send(responseBody("stream timeout", true));
    expect((await call.receive(2)).map(readAnswer)[1]).toMatchObject({ part: "responseBody", endOfStream: true });
  });
});

describe("an exchange ends once", () => {
  const complete = [
    { title: "with the last chunk", parts: [responseHeaders(200), responseBody("a"), responseBody("b", true)] },
    { title: "with an empty last chunk", parts: [responseHeaders(200), responseBody("a"), responseBody("", true)] },
    { title: "with trailers", parts: [responseHeaders(200), responseBody("a"), trailers("responseTrailers")] },
    { title: "with headers alone", parts: [responseHeaders(204, {}, true)] },
  ];
  for (const { title, parts } of complete) {
    it(`well, ${title}, though the gateway resets the stream`, async () => {
      const call = door.open();
      call.send(getHeaders());
      for (const part of parts) call.send(part);
      await call.receive(1 + parts.length);
      call.reset();
      await eventually(async () =>
        expect(await door.metric('outrider_ext_proc_streams_total{outcome="complete"}')).toBe(1),
      );
      expect(causes()).toEqual(["ok"]);
      expect(await door.metric("outrider_ext_proc_streams_open")).toBe(0);
    });
  }

  const leavings = [
    { title: "resets", leave: (call: GatewayCall) => call.reset() },
    { title: "half-closes and resets", leave: (call: GatewayCall) => [call.halfClose(), call.reset()] },
    { title: "half-closes", leave: (call: GatewayCall) => call.halfClose() },
  ];
  const moments = [
    { title: "before the response", parts: [] },
    { title: "during the response", parts: [responseHeaders(200), responseBody("a")] },
  ];
  for (const { title: how, leave } of leavings) {
    for (const { title: when, parts } of moments) {
      it(`as cancelled, when the gateway ${how} ${when}`, async () => {
        const call = await routedCall();
        for (const part of parts) call.send(part);
        await call.receive(1 + parts.length);
        leave(call);
        await eventually(async () =>
          expect(await door.metric('outrider_ext_proc_streams_total{outcome="cancelled"}')).toBe(1),
        );
        expect(causes()).toEqual(["client_cancelled"]);
      });
    }
  }

  it("as cancelled, when the gateway resets while the request is decided", async () => {
    const release = door.scheduler.hold();
    const call = door.open();
    call.send(getHeaders());
    await eventually(() => expect(door.scheduler.seen).toHaveLength(1));
    call.reset();
    await eventually(async () => expect(await door.metric("outrider_ext_proc_streams_open")).toBe(0));
    release();
    await eventually(() => expect(causes()).toEqual(["client_cancelled"]));
  });

  it("with an answer and status 0 for a client that half-closes behind its request", async () => {
    const release = door.scheduler.hold();
    const call = door.open();
    call.send(postHeaders());
    call.send(requestBody("{}", true));
    call.halfClose();
    await eventually(() => expect(door.scheduler.seen).toHaveLength(1));
    release();
    expect((await call.receive(2)).map(({ response }) => response.case)).toEqual(["requestHeaders", "requestBody"]);
    expect(await call.ended).toMatchObject({ httpStatus: 200, grpcStatus: 0 });
    expect(causes()).toEqual(["client_cancelled"]);
  });
});

describe("a refusal", () => {
  const refusals = [
    { title: "in the reference's form", refusal: refuse("BadRequest", "model not found"), headers: {} },
    {
      title: "with the reason it was dropped for",
      refusal: refuse("ServiceUnavailable", "no endpoints", "rejected-no-endpoints"),
      headers: { set: { "x-llm-d-request-dropped-reason": "rejected-no-endpoints" } },
    },
    {
      title: "with the time to wait",
      refusal: { ...refuse("ResourceExhausted", "saturated"), retryAfterS: 1.2 },
      headers: { set: { "retry-after": "2" } },
    },
  ];
  for (const { title, refusal, headers } of refusals) {
    it(`is an ImmediateResponse ${title}, and the stream ends well`, async () => {
      door.scheduler.answer(refusal);
      const call = door.open();
      call.send(getHeaders());
      const body = `inference error: ${refusal.code} - ${refusal.message}`;
      expect((await call.receive(1)).map(readAnswer)).toEqual([
        { part: "immediateResponse", status: refusal.status, body, ...headers },
      ]);
      call.halfClose();
      expect(await call.ended).toMatchObject({ grpcStatus: 0 });
      expect(await door.metric(`outrider_ext_proc_refusals_total{code="${refusal.code}"}`)).toBe(1);
    });
  }

  it("of a body over the limit comes as soon as it is, and what still arrives is dropped", async () => {
    const call = door.open();
    call.send(postHeaders());
    for (let i = 0; i < 4; i++) call.send(requestBody(Buffer.alloc(300_000)));
    const [answer] = (await call.receive(1)).map(readAnswer);
    expect(answer).toMatchObject({ part: "immediateResponse", status: 413 });
    expect(answer?.body).toBe("inference error: PayloadTooLarge - request body is larger than 1048576 bytes");
    for (let i = 0; i < 4; i++) call.send(requestBody(Buffer.alloc(300_000)));
    call.send(requestBody("", true));
    call.halfClose();
    expect(await call.ended).toMatchObject({ grpcStatus: 0 });
    expect(door.scheduler.seen).toEqual([]);
  });
});
