import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type OpenDoor, openDoor } from "./testing/open-door.ts";
import { getHeaders, headersPart, metadata, postHeaders, requestBody, subsetHint, trailers } from "./testing/parts.ts";
import { readAnswer } from "./testing/read-answer.ts";

let door: OpenDoor;
beforeEach(async () => {
  door = await openDoor();
});
afterEach(() => door.close());

const destination = "x-gateway-destination-endpoint";
const routed = (endpoint: string, more: object = {}) => ({
  part: "requestHeaders",
  set: { [destination]: endpoint },
  clearRouteCache: true,
  metadata: { "envoy.lb": { [destination]: endpoint } },
  ...more,
});

describe("a request with a body", () => {
  const endings = [
    { title: "ends with its last chunk", sent: [requestBody("hello "), requestBody("world", true)] },
    { title: "ends with an empty chunk", sent: [requestBody("hello world"), requestBody("", true)] },
  ];
  for (const { title, sent } of endings) {
    it(`that ${title} is answered when it is whole`, async () => {
      const call = door.open();
      call.send(postHeaders());
      for (const part of sent) call.send(part);
      const answers = (await call.receive(2)).map(readAnswer);
      expect(answers).toEqual([
        routed("10.0.0.1:8000"),
        { part: "requestBody", body: "hello world", endOfStream: true },
      ]);
      expect(door.scheduler.seen[0]?.body).toBe("hello world");
    });
  }

  it("is not answered before it is whole", async () => {
    const call = door.open();
    call.send(postHeaders());
    call.send(requestBody("hello"));
    const other = door.open();
    other.send(getHeaders());
    await other.receive(1);
    expect(call.answers).toEqual([]);
  });

  it("that is empty gets an empty last chunk back", async () => {
    const call = door.open();
    call.send(postHeaders());
    call.send(requestBody("", true));
    const answers = (await call.receive(2)).map(readAnswer);
    expect(answers[1]).toEqual({ part: "requestBody", body: "", endOfStream: true });
    expect(door.scheduler.seen[0]?.request.body).toEqual([]);
  });

  it("and trailers gets its trailers answered, and no chunk that ends it", async () => {
    const call = door.open();
    call.send(postHeaders());
    call.send(requestBody("hello"));
    call.send(trailers("requestTrailers"));
    const answers = (await call.receive(3)).map(readAnswer);
    expect(answers).toEqual([
      routed("10.0.0.1:8000"),
      { part: "requestBody", body: "hello", endOfStream: false },
      { part: "requestTrailers" },
    ]);
  });

  it("of 125,000 bytes comes back in chunks of 62,000", async () => {
    const body = Buffer.alloc(125_000, "0123456789");
    const call = door.open();
    call.send(postHeaders());
    call.send(requestBody(body.subarray(0, 65_536)));
    call.send(requestBody(body.subarray(65_536), true));
    const chunks = (await call.receive(4)).slice(1).map(readAnswer);
    expect(chunks.map((chunk) => [chunk.body?.length, chunk.endOfStream])).toEqual([
      [62_000, false],
      [62_000, false],
      [1000, true],
    ]);
    expect(chunks.map((chunk) => chunk.body).join("")).toBe(body.toString());
  });
});

describe("a request that ends with its headers", () => {
  const methods = [
    { title: "GET", part: getHeaders() },
    { title: "HEAD", part: headersPart("requestHeaders", { ":method": "HEAD", ":path": "/health" }, true) },
    {
      title: "POST of no bytes",
      part: headersPart("requestHeaders", { ":method": "POST", "content-length": "0" }, true),
    },
  ];
  for (const { title, part } of methods) {
    it(`is answered at once: ${title}`, async () => {
      const call = door.open();
      call.send(part);
      expect((await call.receive(1)).map(readAnswer)).toEqual([routed("10.0.0.1:8000")]);
      expect(door.scheduler.seen[0]?.request.body).toBeUndefined();
    });
  }
});

describe("the answer", () => {
  it("names several endpoints in order, alike in header and metadata", async () => {
    door.scheduler.answer({ destinations: ["10.0.0.1:8000", "[fd00::2]:8000", "10.0.0.3:8000"] });
    const call = door.open();
    call.send(getHeaders());
    const want = routed("10.0.0.1:8000,[fd00::2]:8000,10.0.0.3:8000");
    expect((await call.receive(1)).map(readAnswer)).toEqual([want]);
  });

  it("overwrites a destination the client sent and echoes no other header", async () => {
    const call = door.open();
    call.send(headersPart("requestHeaders", { ":method": "GET", [destination]: "6.6.6.6:80", cookie: "a=1" }, true));
    expect((await call.receive(1)).map(readAnswer)).toEqual([routed("10.0.0.1:8000")]);
  });

  it("sets what the decision sets", async () => {
    door.scheduler.answer({ destinations: ["10.0.0.1:8000"], setHeaders: [["x-session-token", "täg"]] });
    const call = door.open();
    call.send(getHeaders());
    const [answer] = (await call.receive(1)).map(readAnswer);
    expect(answer?.set).toEqual({ [destination]: "10.0.0.1:8000", "x-session-token": "täg" });
  });

  it("removes the gateway's own headers where a client sent them", async () => {
    const call = door.open();
    call.send(headersPart("requestHeaders", { ":method": "GET", "X-Gateway-Destination-Endpoint-Subset": "a" }, true));
    const [answer] = (await call.receive(1)).map(readAnswer);
    expect(answer?.remove).toEqual(["x-gateway-destination-endpoint-subset"]);
  });
});

describe("what the scheduler is shown", () => {
  it("is the request, of repeated headers the last", async () => {
    const call = door.open();
    const headers = [
      { key: ":method", rawValue: Buffer.from("POST") },
      { key: ":path", value: "/v1/chat/completions?x=1" },
      { key: "cookie", rawValue: Buffer.from("a=1") },
      { key: "Cookie", rawValue: Buffer.from("b=2"), value: "ignored" },
      { key: "x-bytes", rawValue: Buffer.from([0x61, 0xff, 0x62]) },
    ];
    call.send({ case: "requestHeaders", value: { headers: { headers }, endOfStream: true } });
    await call.receive(1);
    const request = door.scheduler.seen[0]?.request;
    expect(request).toMatchObject({ door: "ext_proc", path: "/v1/chat/completions?x=1" });
    expect(request?.header("cookie")).toBe("b=2");
    expect(request?.header("x-bytes")).toBe("a\ufffdb");
    expect(request?.header("x-none")).toBeUndefined();
  });

  const hints = [
    { title: "nothing is said", beside: {}, want: undefined },
    { title: "the namespace lacks the key", beside: metadata("envoy.lb.subset_hint", { other: "a" }), want: undefined },
    { title: "a list is given", beside: subsetHint(["10.0.0.1:80", "10.0.0.2"]), want: ["10.0.0.1:80", "10.0.0.2"] },
    { title: "a string is given", beside: subsetHint("10.0.0.1:80, 10.0.0.2,"), want: ["10.0.0.1:80", "10.0.0.2"] },
    { title: "items hold lists", beside: subsetHint(["10.0.0.1, 10.0.0.2", " "]), want: ["10.0.0.1", "10.0.0.2"] },
    { title: "items are no text", beside: subsetHint(["10.0.0.1:80", 12345]), want: ["10.0.0.1:80"] },
    { title: "the list is empty", beside: subsetHint([]), want: [] },
    { title: "it is a number", beside: subsetHint(7), want: [] },
    { title: "it is null", beside: subsetHint(null), want: undefined },
  ];
  for (const { title, beside, want } of hints) {
    it(`is the subset where ${title}`, async () => {
      const call = door.open();
      call.send(getHeaders(), beside);
      await call.receive(1);
      expect(door.scheduler.seen[0]?.request.subset).toEqual(want);
    });
  }

  it("is the subset of the last message that has one", async () => {
    const call = door.open();
    call.send(postHeaders(), subsetHint(["10.0.0.1"]));
    call.send(requestBody("a"), subsetHint(["10.0.0.2"]));
    call.send(requestBody("b", true));
    await call.receive(2);
    expect(door.scheduler.seen[0]?.request.subset).toEqual(["10.0.0.2"]);
  });
});
