import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { eventually } from "../doors/testing/eventually.ts";
import type { GatewayCall } from "./testing/fake-gateway.ts";
import { type OpenDoor, openDoor } from "./testing/open-door.ts";
import {
  announce,
  getHeaders,
  postHeaders,
  requestBody,
  responseBody,
  responseHeaders,
  trailers,
} from "./testing/parts.ts";
import { readAnswer } from "./testing/read-answer.ts";
import { renameModel } from "./testing/rename-model.ts";

let door: OpenDoor;
beforeEach(async () => {
  door = await openDoor();
});
afterEach(() => door.close());

const causes = () => door.scheduler.seen.map((exchange) => exchange.causes);
const partsOf = (call: GatewayCall) => call.answers.map(({ response }) => response.case);

describe("where nothing of the response is wanted, the stream ends well right behind the last answer to the request", () => {
  const cases = [
    {
      title: "FULL_DUPLEX_STREAMED",
      mode: "FULL_DUPLEX_STREAMED",
      parts: [requestBody("{}", true)],
      last: "requestBody",
    },
    {
      title: "FULL_DUPLEX_STREAMED, with trailers",
      mode: "FULL_DUPLEX_STREAMED",
      parts: [requestBody("{}"), trailers("requestTrailers")],
      last: "requestTrailers",
    },
    { title: "BUFFERED", mode: "BUFFERED", parts: [requestBody("{}", true)], last: "requestBody" },
    { title: "BUFFERED_PARTIAL, cut off", mode: "BUFFERED_PARTIAL", parts: [requestBody('{"a')], last: "requestBody" },
    {
      title: "STREAMED, behind its last chunk",
      mode: "STREAMED",
      parts: [requestBody("{"), requestBody("}", true)],
      last: "requestBody",
    },
    {
      title: "STREAMED, behind its trailers",
      mode: "STREAMED",
      parts: [requestBody("{}"), trailers("requestTrailers")],
      last: "requestTrailers",
    },
    { title: "NONE", mode: "NONE", parts: [], last: "requestHeaders" },
  ] as const;
  for (const { title, mode, parts, last } of cases) {
    it(title, async () => {
      door.scheduler.answer({ destinations: ["10.0.0.1:8000"], observation: "none" });
      const call = door.open();
      call.send(postHeaders(), announce(mode, mode));
      for (const part of parts) call.send(part);
      expect(await call.ended).toMatchObject({ grpcStatus: 0 });
      expect(partsOf(call).at(-1)).toBe(last);
      expect(causes()).toEqual([["let_go"]]);
      await eventually(async () =>
        expect(await door.metric('outrider_ext_proc_streams_total{outcome="complete"}')).toBe(1),
      );
    });
  }

  it("a request without a body, in a mode that was not announced", async () => {
    door.scheduler.answer({ destinations: ["10.0.0.1:8000"], observation: "none" });
    const call = door.open();
    call.send(getHeaders());
    expect(await call.ended).toMatchObject({ grpcStatus: 0 });
    expect(causes()).toEqual([["let_go"]]);
  });

  it("but not where the names of models have to be changed in it", async () => {
    door.scheduler.answer({ destinations: ["10.0.0.1:8000"], observation: "none", rewrite: renameModel() });
    const call = door.open();
    for (const part of [getHeaders(), responseHeaders(200), responseBody("a real one", true)]) call.send(part);
    const answers = (await call.receive(3)).map(readAnswer);
    expect(answers[2]).toEqual({ part: "responseBody", body: "a alias one", endOfStream: true });
    expect(door.scheduler.seen[0]).toMatchObject({ chunks: [], causes: ["ok"] });
  });
});

describe("where headers are all that is wanted of the response", () => {
  beforeEach(() => door.scheduler.answer({ destinations: ["10.0.0.1:8000"], observation: "headers" }));

  for (const mode of ["FULL_DUPLEX_STREAMED", "STREAMED", "BUFFERED"] as const) {
    it(`a body that comes nevertheless passes without being shown, and its end is told: ${mode}`, async () => {
      const call = door.open();
      call.send(getHeaders(), announce(mode, mode));
      for (const part of [responseHeaders(200), responseBody("abc", true)]) call.send(part);
      await call.receive(3);
      call.reset();
      await eventually(() => expect(causes()).toEqual([["ok"]]));
      expect(door.scheduler.seen[0]).toMatchObject({ responses: [{ status: 200 }], chunks: [] });
    });
  }

  it("the exchange is let go behind them where the gateway sends no more", async () => {
    const call = door.open();
    call.send(getHeaders(), announce("NONE", "NONE"));
    call.send(responseHeaders(200));
    expect(await call.ended).toMatchObject({ grpcStatus: 0 });
    expect(causes()).toEqual([["let_go"]]);
  });
});

describe("a gateway is asked, with the answer to the response's headers,", () => {
  const cases = [
    {
      title: "for no body where none is wanted",
      observation: "headers",
      modes: ["BUFFERED", "STREAMED"],
      want: "NONE",
    },
    { title: "for the body where it is wanted", observation: "full", modes: ["NONE", "NONE"], want: "STREAMED" },
    {
      title: "for nothing where it does that already",
      observation: "full",
      modes: ["NONE", "STREAMED"],
      want: undefined,
    },
    {
      title: "for nothing in full duplex",
      observation: "headers",
      modes: ["FULL_DUPLEX_STREAMED", "STREAMED"],
      want: undefined,
    },
    {
      title: "for nothing where a body in full duplex is not wanted",
      observation: "headers",
      modes: ["NONE", "FULL_DUPLEX_STREAMED"],
      want: undefined,
    },
  ] as const;
  for (const { title, observation, modes, want } of cases) {
    it(title, async () => {
      door.scheduler.answer({ destinations: ["10.0.0.1:8000"], observation });
      const call = door.open();
      call.send(getHeaders(), announce(modes[0], modes[1]));
      call.send(responseHeaders(200));
      const answer = (await call.receive(2)).map(readAnswer)[1];
      expect(answer?.override).toEqual(want && { request: modes[0], response: want });
    });
  }

  it("and the exchange is let go where no body comes, whether it obeyed or sends none anyway", async () => {
    for (const observation of ["headers", "full"] as const) {
      door.scheduler.answer({ destinations: ["10.0.0.1:8000"], observation });
      const call = door.open();
      call.send(getHeaders(), announce("NONE", observation === "full" ? "NONE" : "STREAMED"));
      call.send(responseHeaders(200));
      await call.receive(2);
      call.reset();
      await call.ended;
    }
    await eventually(() => expect(causes()).toEqual([["let_go"], ["let_go"]]));
    await eventually(async () =>
      expect(await door.metric('outrider_ext_proc_streams_total{outcome="complete"}')).toBe(2),
    );
  });

  it("and a body that comes then is shown to its end", async () => {
    const call = door.open();
    call.send(getHeaders(), announce("NONE", "NONE"));
    for (const part of [responseHeaders(200), responseBody("a"), trailers("responseTrailers")]) call.send(part);
    expect((await call.receive(4)).slice(2).map(readAnswer)).toEqual([
      { part: "responseBody" },
      { part: "responseTrailers" },
    ]);
    expect(door.scheduler.seen[0]).toMatchObject({ chunks: ["a"], causes: ["ok"] });
  });

  it("and a client that leaves in the middle of such a body counts as one", async () => {
    const call = door.open();
    call.send(getHeaders(), announce("NONE", "NONE"));
    for (const part of [responseHeaders(200), responseBody("a")]) call.send(part);
    await call.receive(3);
    call.reset();
    await eventually(() => expect(causes()).toEqual([["client_cancelled"]]));
  });
});
