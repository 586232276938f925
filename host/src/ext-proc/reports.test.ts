import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type OpenDoor, openDoor } from "./testing/open-door.ts";
import {
  announce,
  getHeaders,
  headersPart,
  postHeaders,
  requestBody,
  responseBody,
  responseHeaders,
  trailers,
} from "./testing/parts.ts";
import { readAnswer } from "./testing/read-answer.ts";
import { renameModel } from "./testing/rename-model.ts";

const reports = [
  { namespace: "envoy.lb", name: "cost", value: 10 },
  { namespace: "billing", name: "tokens", value: 2.5 },
  { namespace: "envoy.lb", name: "more", value: -3 },
];
const told = { "envoy.lb": { cost: 10, more: -3 }, billing: { tokens: 2.5 } };

let door: OpenDoor;
beforeEach(async () => {
  door = await openDoor();
});
afterEach(() => door.close());

describe("numbers for the gateway go with the last answer to a response, and with no other", () => {
  const cases = [
    {
      title: "FULL_DUPLEX_STREAMED",
      mode: "FULL_DUPLEX_STREAMED",
      parts: [responseBody("a"), responseBody("b", true)],
      want: [undefined, told],
    },
    {
      title: "FULL_DUPLEX_STREAMED, one chunk in pieces",
      mode: "FULL_DUPLEX_STREAMED",
      parts: [responseBody(Buffer.alloc(100_000, "x"), true)],
      want: [undefined, told],
    },
    {
      title: "FULL_DUPLEX_STREAMED, with trailers",
      mode: "FULL_DUPLEX_STREAMED",
      parts: [responseBody("a"), trailers("responseTrailers")],
      want: [undefined, told],
    },
    {
      title: "STREAMED",
      mode: "STREAMED",
      parts: [responseBody("a"), responseBody("b", true)],
      want: [undefined, told],
    },
    { title: "BUFFERED", mode: "BUFFERED", parts: [responseBody("ab", true)], want: [told] },
    {
      title: "BUFFERED, with trailers",
      mode: "BUFFERED",
      parts: [responseBody("ab"), trailers("responseTrailers")],
      want: [told, undefined],
    },
  ] as const;
  for (const { title, mode, parts, want } of cases) {
    for (const rewrite of [undefined, renameModel()]) {
      it(`${title}${rewrite === undefined ? "" : ", its body rewritten"}`, async () => {
        door.scheduler.answer({ destinations: ["10.0.0.1:8000"], rewrite, reports: () => reports });
        const call = door.open();
        call.send(getHeaders(), announce("NONE", mode));
        call.send(responseHeaders(200));
        for (const part of parts) call.send(part);
        const answers = (await call.receive(2 + want.length)).slice(2).map(readAnswer);
        expect(answers.map(({ metadata }) => metadata)).toEqual(want);
        expect(door.scheduler.seen[0]?.causes).toEqual(["ok"]);
      });
    }
  }

  it("which keeps its body and its end", async () => {
    door.scheduler.answer({ destinations: ["10.0.0.1:8000"], reports: () => reports });
    const call = door.open();
    for (const part of [getHeaders(), responseHeaders(200), responseBody("abc", true)]) call.send(part);
    const [, , last] = (await call.receive(3)).map(readAnswer);
    expect(last).toEqual({ part: "responseBody", body: "abc", endOfStream: true, metadata: told });
  });

  it("and are asked for behind the last chunk", async () => {
    let seen = -1;
    const countChunks = () => {
      seen = door.scheduler.seen[0]?.chunks.length ?? 0;
      return reports;
    };
    door.scheduler.answer({ destinations: ["10.0.0.1:8000"], reports: countChunks });
    const call = door.open();
    for (const part of [getHeaders(), responseHeaders(200), responseBody("a"), responseBody("b", true)])
      call.send(part);
    await call.receive(4);
    expect(seen).toBe(2);
  });
});

it("sets the headers of a decision on the response, without those of others", async () => {
  door.scheduler.answer({ destinations: ["10.0.0.1:8000"], setResponseHeaders: [["x-revision", "b"]] });
  const call = door.open();
  for (const part of [getHeaders(), responseHeaders(200, { "x-other": "1" }, true)]) call.send(part);
  const [, answer] = (await call.receive(2)).map(readAnswer);
  expect(answer).toEqual({
    part: "responseHeaders",
    set: { "x-went-into-resp-headers": "true", "x-revision": "b" },
  });
});

describe("headers that must not go on", () => {
  it("are removed where a client sent them, but for those that the decision sets", async () => {
    door.scheduler.answer({
      destinations: ["10.0.0.1:8000"],
      setHeaders: [["x-prefiller-host-port", "10.0.0.2:8000"]],
      removeHeaders: ["x-prefiller-host-port", "x-encoder-hosts-ports", "x-data-parallel-host-port"],
    });
    const sent = { ":method": "GET", "X-Prefiller-Host-Port": "evil", "X-Encoder-Hosts-Ports": "evil" };
    const call = door.open();
    call.send(headersPart("requestHeaders", sent, true));
    const [answer] = (await call.receive(1)).map(readAnswer);
    expect(answer?.remove).toEqual(["x-encoder-hosts-ports"]);
    expect(answer?.set).toMatchObject({ "x-prefiller-host-port": "10.0.0.2:8000" });
  });
});

describe("where any body may be rewritten", () => {
  const body = '{"model":"alias"}';

  it("a BUFFERED one gives up its length with the headers' answer, whatever the headers say", async () => {
    await door.close();
    door = await openDoor({ mayRewrite: () => true });
    door.scheduler.answer({ destinations: ["10.0.0.1:8000"], rewrite: renameModel('{"model":"real"}') });
    const call = door.open();
    call.send(postHeaders({ "content-length": String(body.length) }), announce("BUFFERED", "NONE"));
    call.send(requestBody(body, true));
    const answers = (await call.receive(2)).map(readAnswer);
    expect(answers[0]).toEqual({ part: "requestHeaders", remove: ["content-length"] });
    expect(answers[1]).toMatchObject({ part: "requestBody", replacedBody: '{"model":"real"}' });
  });
});
