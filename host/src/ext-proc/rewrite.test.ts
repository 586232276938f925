import { afterEach, beforeEach, describe, expect, it } from "vitest";
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

const alias = '{"model":"alias"}';
const real = '{"model":"real"}';
const asked = { "x-llm-d-model-name-rewrite": "real", "content-length": String(alias.length) };

let door: OpenDoor;
let rewrite: ReturnType<typeof renameModel>;
beforeEach(async () => {
  door = await openDoor({});
  rewrite = renameModel(real);
  door.scheduler.answer({ destinations: ["10.0.0.1:8000"], rewrite });
});
afterEach(() => door.close());

describe("a request's body with another model's name", () => {
  it("is refused where the gateway has already announced another length", async () => {
    const call = door.open();
    call.send(postHeaders({ "content-length": String(alias.length) }), announce("BUFFERED", "NONE"));
    call.send(requestBody(alias, true));
    const answers = (await call.receive(2)).map(readAnswer);
    expect(answers[0]).toEqual({ part: "requestHeaders" });
    expect(answers[1]).toMatchObject({ part: "immediateResponse", status: 500 });
    expect(door.scheduler.seen[0]?.causes).toEqual(["never_sent"]);
  });

  const buffered = [
    { title: "because the request asks for it", headers: asked },
    { title: "by its older header", headers: { ...asked, "x-gateway-model-name-rewrite": "real" } },
  ];
  for (const { title, headers } of buffered) {
    it(`takes the place of a BUFFERED one, whose length goes with the headers' answer ${title}`, async () => {
      const call = door.open();
      call.send(postHeaders(headers), announce("BUFFERED", "NONE"));
      call.send(requestBody(alias, true));
      const answers = (await call.receive(2)).map(readAnswer);
      expect(answers[0]).toEqual({ part: "requestHeaders", remove: ["content-length"] });
      expect(answers[1]).toMatchObject({ part: "requestBody", replacedBody: real });
      expect(rewrite.released()).toBe(true);
    });
  }

  it("comes back in its place in full duplex", async () => {
    const call = door.open();
    call.send(postHeaders());
    for (const part of [requestBody(alias.slice(0, 4)), requestBody(alias.slice(4), true)]) call.send(part);
    expect((await call.receive(2)).map(readAnswer)[1]).toEqual({ part: "requestBody", body: real, endOfStream: true });
    expect(rewrite.released()).toBe(true);
  });

  it("leaves one alone of which only the beginning came", async () => {
    const call = door.open();
    call.send(postHeaders(asked), announce("BUFFERED_PARTIAL", "NONE"));
    call.send(requestBody(alias.slice(0, 8)));
    expect((await call.receive(2)).map(readAnswer)[1]?.replacedBody).toBeUndefined();
  });

  it("leaves one alone that never comes", async () => {
    const call = door.open();
    call.send(postHeaders(asked), announce("STREAMED", "NONE"));
    call.send(requestBody(alias, true));
    expect((await call.receive(2)).map(readAnswer)[1]).toEqual({ part: "requestBody" });
  });
});

describe("a response gets the client's name back", () => {
  const streamed = (body: string, endOfStream: boolean) => ({ part: "responseBody", body, endOfStream });
  const replaced = (body: string) => ({ part: "responseBody", replacedBody: body });
  const cases = [
    {
      title: "FULL_DUPLEX_STREAMED, a chunk that is held back goes out with the next",
      mode: "FULL_DUPLEX_STREAMED",
      parts: [responseBody("a real re"), responseBody("al x"), responseBody("", true)],
      want: [streamed("a alias ", false), streamed("alias x", false), streamed("", true)],
    },
    {
      title: "FULL_DUPLEX_STREAMED, a chunk that is held back whole gets no answer",
      mode: "FULL_DUPLEX_STREAMED",
      parts: [responseBody("rea"), responseBody("", true)],
      want: [streamed("rea", true)],
    },
    {
      title: "FULL_DUPLEX_STREAMED, what is held back goes out ahead of trailers",
      mode: "FULL_DUPLEX_STREAMED",
      parts: [responseBody("real r"), trailers("responseTrailers")],
      want: [streamed("alias ", false), streamed("r", false), { part: "responseTrailers" }],
    },
    {
      title: "STREAMED",
      mode: "STREAMED",
      parts: [responseBody("a re"), responseBody("al x"), responseBody("r", true)],
      want: [replaced("a "), replaced("alias x"), replaced("r")],
    },
    {
      title: "STREAMED, a chunk that is held back whole becomes empty",
      mode: "STREAMED",
      parts: [responseBody("rea"), responseBody("l", true)],
      want: [replaced(""), replaced("alias")],
    },
    { title: "BUFFERED", mode: "BUFFERED", parts: [responseBody("a real r", true)], want: [replaced("a alias r")] },
    {
      title: "BUFFERED, with trailers: nothing is held back from its one message",
      mode: "BUFFERED",
      parts: [responseBody("a real r"), trailers("responseTrailers")],
      want: [replaced("a alias r"), { part: "responseTrailers" }],
    },
  ] as const;
  for (const { title, mode, parts, want } of cases) {
    it(title, async () => {
      const call = door.open();
      call.send(getHeaders(), announce("FULL_DUPLEX_STREAMED", mode));
      for (const part of [responseHeaders(200), ...parts]) call.send(part);
      expect((await call.receive(2 + want.length)).slice(2).map(readAnswer)).toEqual(want);
    });
  }

  it("and loses its length with it, but in full duplex", async () => {
    for (const mode of ["STREAMED", "FULL_DUPLEX_STREAMED"] as const) {
      const call = door.open();
      call.send(getHeaders(), announce("FULL_DUPLEX_STREAMED", mode));
      call.send(responseHeaders(200, { "content-length": "4" }));
      const answer = (await call.receive(2)).map(readAnswer)[1];
      expect(answer?.remove).toEqual(mode === "STREAMED" ? ["content-length"] : undefined);
    }
  });

  it("or ends, rather than without its end, where that is held back and trailers leave no room for it", async () => {
    const call = door.open();
    call.send(getHeaders(), announce("FULL_DUPLEX_STREAMED", "STREAMED"));
    for (const part of [responseHeaders(200), responseBody("a re"), trailers("responseTrailers")]) call.send(part);
    expect((await call.receive(4)).map(readAnswer)[3]).toMatchObject({ part: "immediateResponse", status: 500 });
    expect(door.scheduler.seen[0]?.causes).toEqual(["unknown"]);
  });

  const encodings = [
    { encoding: "gzip", want: "real" },
    { encoding: "identity", want: "alias" },
    { encoding: " Identity ", want: "alias" },
    { encoding: "", want: "alias" },
  ];
  for (const { encoding, want } of encodings) {
    it(`${want === "real" ? "not" : "also"} with content-encoding "${encoding}"`, async () => {
      const call = door.open();
      call.send(getHeaders());
      for (const part of [responseHeaders(200, { "content-encoding": encoding }), responseBody("real", true)])
        call.send(part);
      expect((await call.receive(3)).map(readAnswer)[2]?.body).toBe(want);
    });
  }
});
