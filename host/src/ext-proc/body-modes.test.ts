import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { eventually } from "../doors/testing/eventually.ts";
import { refuse } from "../scheduling/refusals.ts";
import { type OpenDoor, openDoor } from "./testing/open-door.ts";
import {
  announce,
  getHeaders,
  metadata,
  postHeaders,
  requestBody,
  responseBody,
  responseHeaders,
  type SentMessage,
  trailers,
} from "./testing/parts.ts";
import { type ReadAnswer, readAnswer } from "./testing/read-answer.ts";

let door: OpenDoor;
beforeEach(async () => {
  door = await openDoor();
});
afterEach(() => door.close());

const destination = "x-gateway-destination-endpoint";
const routed = (part: string, more: object = {}) => ({
  part,
  set: { [destination]: "10.0.0.1:8000" },
  clearRouteCache: true,
  metadata: { "envoy.lb": { [destination]: "10.0.0.1:8000" } },
  ...more,
});
const asHeaders = { part: "responseHeaders", set: { "x-went-into-resp-headers": "true" } };

/** Sends the parts of one exchange and returns so many answers. */
async function play(parts: readonly SentMessage[], count: number) {
  const call = door.open();
  for (const part of parts) call.send(...part);
  const answers = (await call.receive(count)).map(readAnswer);
  call.reset();
  await call.ended;
  await eventually(async () => expect(await door.metric("outrider_ext_proc_streams_open")).toBe(0));
  return answers;
}

const seen = () => door.scheduler.seen[0];

describe("a mode that nobody knows is named to the client", () => {
  const cases = [
    { title: "GRPC requests", beside: announce("GRPC", "NONE"), names: "request_body_mode GRPC" },
    { title: "GRPC responses", beside: announce("NONE", "GRPC"), names: "response_body_mode GRPC" },
    {
      title: "a number of the future",
      beside: { protocolConfig: { requestBodyMode: 104 as never } },
      names: "request_body_mode 104",
    },
    {
      title: "a response's number that would be another pair's",
      beside: { protocolConfig: { responseBodyMode: 104 as never } },
      names: "response_body_mode 104",
    },
  ];
  for (const { title, beside, names } of cases) {
    it(title, async () => {
      const [answer] = await play([[postHeaders(), beside]], 1);
      expect(answer).toMatchObject({ part: "immediateResponse", status: 500 });
      expect(answer?.body).toMatch(`inference error: Internal - ${names} is not supported`);
      expect(door.scheduler.seen).toEqual([]);
    });
  }

  it("but for a request that ends with its headers, whose mode does not matter", async () => {
    expect(await play([[getHeaders(), announce("GRPC", "NONE")]], 1)).toEqual([routed("requestHeaders")]);
  });
});

describe("a request is answered as its mode demands", () => {
  const body = '{"model":"m"}';
  const cases: readonly {
    readonly title: string;
    readonly parts: readonly SentMessage[];
    readonly want: readonly unknown[];
    readonly shown: { readonly body: string | undefined; readonly isHidden: boolean };
  }[] = [
    {
      title: "BUFFERED: headers at once, the route with the body",
      parts: [[postHeaders(), announce("BUFFERED", "NONE")], [requestBody(body, true)]],
      want: [{ part: "requestHeaders" }, routed("requestBody")],
      shown: { body, isHidden: false },
    },
    {
      title: "BUFFERED, with trailers: they are answered behind the body",
      parts: [[postHeaders(), announce("BUFFERED", "NONE")], [requestBody(body)], [trailers("requestTrailers")]],
      want: [{ part: "requestHeaders" }, routed("requestBody"), { part: "requestTrailers" }],
      shown: { body, isHidden: false },
    },
    {
      title: "BUFFERED, with trailers and no body: the route as metadata of their answer",
      parts: [[postHeaders(), announce("BUFFERED", "NONE")], [trailers("requestTrailers")]],
      want: [
        { part: "requestHeaders" },
        { part: "requestTrailers", metadata: { "envoy.lb": { [destination]: "10.0.0.1:8000" } } },
      ],
      shown: { body: "", isHidden: false },
    },
    {
      title: "BUFFERED_PARTIAL, whole",
      parts: [[postHeaders(), announce("BUFFERED_PARTIAL", "NONE")], [requestBody(body, true)]],
      want: [{ part: "requestHeaders" }, routed("requestBody")],
      shown: { body, isHidden: false },
    },
    {
      title: "BUFFERED_PARTIAL, whole with trailers behind it",
      parts: [
        [postHeaders(), announce("BUFFERED_PARTIAL", "NONE")],
        [requestBody(body)],
        [trailers("requestTrailers")],
      ],
      want: [{ part: "requestHeaders" }, routed("requestBody"), { part: "requestTrailers" }],
      shown: { body, isHidden: false },
    },
    {
      title: "BUFFERED_PARTIAL, cut off: decided without it",
      parts: [[postHeaders(), announce("BUFFERED_PARTIAL", "NONE")], [requestBody('{"model":"m","prompt":"abc')]],
      want: [{ part: "requestHeaders" }, routed("requestBody")],
      shown: { body: undefined, isHidden: true },
    },
    {
      title: "STREAMED: the route with the headers, a bare answer for each chunk",
      parts: [
        [postHeaders(), announce("STREAMED", "NONE")],
        [requestBody("{")],
        [requestBody("}")],
        [requestBody("", true)],
      ],
      want: [routed("requestHeaders"), { part: "requestBody" }, { part: "requestBody" }, { part: "requestBody" }],
      shown: { body: undefined, isHidden: true },
    },
    {
      title: "STREAMED, with trailers",
      parts: [[postHeaders(), announce("STREAMED", "NONE")], [requestBody("{}")], [trailers("requestTrailers")]],
      want: [routed("requestHeaders"), { part: "requestBody" }, { part: "requestTrailers" }],
      shown: { body: undefined, isHidden: true },
    },
    {
      title: "NONE: the route with the headers",
      parts: [[postHeaders(), announce("NONE", "NONE")]],
      want: [routed("requestHeaders")],
      shown: { body: undefined, isHidden: true },
    },
    {
      title: "NONE, with trailers",
      parts: [[postHeaders(), announce("NONE", "NONE")], [trailers("requestTrailers")]],
      want: [routed("requestHeaders"), { part: "requestTrailers" }],
      shown: { body: undefined, isHidden: true },
    },
    ...(["NONE", "STREAMED", "BUFFERED", "BUFFERED_PARTIAL", "FULL_DUPLEX_STREAMED"] as const).map((mode) => ({
      title: `${mode}, without a body: the route with the headers`,
      parts: [[getHeaders(), announce(mode, "NONE")] as const],
      want: [routed("requestHeaders")],
      shown: { body: undefined, isHidden: false },
    })),
  ];
  for (const { title, parts, want, shown } of cases) {
    it(title, async () => {
      expect(await play(parts, want.length)).toEqual(want);
      expect({ body: seen()?.body, isHidden: seen()?.request.isBodyHidden }).toEqual(shown);
    });
  }

  it("in order, where parts come while it is decided", async () => {
    const release = door.scheduler.hold();
    const call = door.open();
    call.send(postHeaders(), announce("STREAMED", "NONE"));
    for (const part of [requestBody("a"), requestBody("b"), trailers("requestTrailers")]) call.send(part);
    await eventually(() => expect(door.scheduler.seen).toHaveLength(1));
    release();
    const parts = (await call.receive(4)).map(({ response }) => response.case);
    expect(parts).toEqual(["requestHeaders", "requestBody", "requestBody", "requestTrailers"]);
  });

  it("by a refusal in any of them", async () => {
    door.scheduler.answer(refuse("BadRequest", "no"));
    for (const mode of ["NONE", "STREAMED", "BUFFERED", "BUFFERED_PARTIAL", "FULL_DUPLEX_STREAMED"] as const) {
      const call = door.open();
      call.send(postHeaders(), announce(mode, "NONE"));
      if (mode !== "NONE" && mode !== "STREAMED") call.send(requestBody("{}", true));
      call.halfClose();
      await call.ended;
      expect(readAnswer(call.answers.at(-1) as never)).toMatchObject({ part: "immediateResponse", status: 400 });
    }
  });
});

describe("a response is answered as its mode demands, and its end is told", () => {
  const passed: ReadAnswer = { part: "responseBody" };
  const cases: readonly {
    readonly title: string;
    readonly mode: Parameters<typeof announce>[1];
    readonly parts: readonly SentMessage[];
    readonly want: readonly ReadAnswer[];
    readonly chunks: readonly string[];
    readonly cause: string;
  }[] = [
    {
      title: "STREAMED: a bare answer for each chunk",
      mode: "STREAMED",
      parts: [[responseBody("a")], [responseBody("b")], [responseBody("", true)]],
      want: [passed, passed, passed],
      chunks: ["a", "b", ""],
      cause: "ok",
    },
    {
      title: "STREAMED, with trailers",
      mode: "STREAMED",
      parts: [[responseBody("a")], [trailers("responseTrailers")]],
      want: [passed, { part: "responseTrailers" }],
      chunks: ["a"],
      cause: "ok",
    },
    {
      title: "STREAMED, left in the middle",
      mode: "STREAMED",
      parts: [[responseBody("a")]],
      want: [passed],
      chunks: ["a"],
      cause: "client_cancelled",
    },
    {
      title: "BUFFERED: one answer",
      mode: "BUFFERED",
      parts: [[responseBody("abc", true)]],
      want: [passed],
      chunks: ["abc"],
      cause: "ok",
    },
    {
      title: "BUFFERED, whole with trailers behind it",
      mode: "BUFFERED",
      parts: [[responseBody("abc")], [trailers("responseTrailers")]],
      want: [passed, { part: "responseTrailers" }],
      chunks: ["abc"],
      cause: "ok",
    },
    {
      title: "BUFFERED_PARTIAL, cut off: it goes on unseen",
      mode: "BUFFERED_PARTIAL",
      parts: [[responseBody("abc")]],
      want: [passed],
      chunks: ["abc"],
      cause: "let_go",
    },
    { title: "NONE: it goes on unseen", mode: "NONE", parts: [], want: [], chunks: [], cause: "let_go" },
    {
      title: "FULL_DUPLEX_STREAMED: every chunk comes back",
      mode: "FULL_DUPLEX_STREAMED",
      parts: [[responseBody("a")], [responseBody("", true)]],
      want: [
        { part: "responseBody", body: "a", endOfStream: false },
        { part: "responseBody", body: "", endOfStream: true },
      ],
      chunks: ["a", ""],
      cause: "ok",
    },
  ];
  for (const { title, mode, parts, want, chunks, cause } of cases) {
    it(title, async () => {
      // A request in full duplex: with any other, the gateway would be asked for bodies that it does not send.
      const first: SentMessage = [getHeaders(), announce("FULL_DUPLEX_STREAMED", mode)];
      const sent: readonly SentMessage[] = [first, [responseHeaders(200)], ...parts];
      expect((await play(sent, 2 + want.length)).slice(1)).toEqual([asHeaders, ...want]);
      expect(seen()).toMatchObject({ chunks, causes: [cause] });
    });
  }

  for (const mode of ["NONE", "STREAMED", "BUFFERED", "FULL_DUPLEX_STREAMED"] as const) {
    it(`${mode}, without a body: its headers end it`, async () => {
      await play([[getHeaders(), announce("NONE", mode)], [responseHeaders(204, {}, true)]], 2);
      expect(seen()?.causes).toEqual(["ok"]);
    });
  }

  it("NONE: the stream ends well behind the headers' answer", async () => {
    const call = door.open();
    call.send(getHeaders(), announce("FULL_DUPLEX_STREAMED", "NONE"));
    call.send(responseHeaders(200));
    expect(await call.ended).toMatchObject({ grpcStatus: 0 });
    await eventually(async () =>
      expect(await door.metric('outrider_ext_proc_streams_total{outcome="complete"}')).toBe(1),
    );
  });

  it("while the rest of its request still passes", async () => {
    const call = door.open();
    call.send(postHeaders(), announce("STREAMED", "NONE"));
    for (const part of [requestBody("a"), responseHeaders(200), requestBody("b"), requestBody("", true)])
      call.send(part);
    const parts = (await call.receive(5)).map(({ response }) => response.case);
    expect(parts).toEqual(["requestHeaders", "requestBody", "responseHeaders", "requestBody", "requestBody"]);
  });

  it("and comes with the endpoint that served it, as an attribute where metadata does not tell", async () => {
    const attributes = { attributes: { "envoy.filters.http.ext_proc": { "upstream.address": "10.0.0.7:8000" } } };
    const both = {
      ...attributes,
      ...metadata("envoy.lb", { "x-gateway-destination-endpoint-served": "10.0.0.9:8000" }),
    };
    for (const beside of [attributes, both]) {
      await play(
        [
          [getHeaders(), announce("NONE", "STREAMED")],
          [responseHeaders(200), beside],
        ],
        2,
      );
    }
    const told = door.scheduler.seen.map(({ responses }) => responses[0]?.served);
    expect(told).toEqual(["10.0.0.7:8000", "10.0.0.9:8000"]);
  });
});
