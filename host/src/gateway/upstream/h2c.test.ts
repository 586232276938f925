import { once } from "node:events";
import { constants, type ServerHttp2Stream } from "node:http2";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { eventually } from "../../doors/testing/eventually.ts";
import { echoH2c, type H2cAnswer, type H2cModelServer, openH2cModelServer } from "../testing/h2c-model-server.ts";
import {
  echo,
  openBareServer,
  openModelServer,
  refusingDestination,
  silentDestination,
} from "../testing/model-server.ts";
import { type OpenGateway, openGateway } from "../testing/open-gateway.ts";
import { openRawH2cServer } from "../testing/raw-h2c-server.ts";

let open: OpenGateway;
let closing: (() => void)[] = [];

beforeEach(async () => {
  open = await openGateway({ options: { upstream: "h2c", connectTimeoutMs: 500 } });
});
afterEach(async () => {
  await open.close();
  for (const close of closing) close();
  closing = [];
});

async function serve(answer: H2cAnswer, maxConcurrentStreams?: number, port?: number): Promise<H2cModelServer> {
  const server = await openH2cModelServer(answer, maxConcurrentStreams, port);
  closing.push(server.close);
  open.scheduler.answer({ destinations: [server.destination] });
  return server;
}

const faults = (fault: string) => open.metric(`outrider_gateway_upstream_faults_total{fault="${fault}"}`);

describe("a request to a model server that speaks h2c", () => {
  it("goes there and comes back whole, with trailers", async () => {
    const server = await serve((stream) => {
      stream.respond({ ":status": 201, "x-model": "m", "set-cookie": ["a=1", "b=2"] }, { waitForTrailers: true });
      stream.on("wantTrailers", () => stream.sendTrailers({ "x-tokens": "5" }));
      stream.pipe(stream);
    });
    const body = "x".repeat(400_000);
    const headers = {
      Host: "my.host",
      "X-Other": ["o", "p"],
      cookie: "c=1",
      te: "trailers",
      connection: "x-hop",
      "x-hop": "1",
    };
    const answer = await open.ask({ path: "/v1/completions?a=1", headers, body });
    expect(answer).toMatchObject({ status: 201, body, headers: { "x-model": "m" }, trailers: { "x-tokens": "5" } });
    expect(answer.headers["set-cookie"]).toEqual(["a=1", "b=2"]);
    expect(server.seen[0]?.headers).toMatchObject({
      ":method": "POST",
      ":path": "/v1/completions?a=1",
      ":scheme": "http",
      ":authority": "my.host",
      "x-other": "o, p",
      cookie: "c=1",
      "content-length": "400000",
    });
    expect(server.seen[0]?.headers).not.toHaveProperty("x-hop");
    expect(open.scheduler.seen[0]).toMatchObject({ responses: [{ status: 201 }], causes: ["ok"] });
  });

  for (const method of ["GET", "HEAD"]) {
    it(`goes without a body where it has none: ${method}`, async () => {
      const server = await serve((stream) => {
        stream.respond({ ":status": 200 });
        stream.end(method === "GET" ? "fine" : undefined);
      });
      expect(await open.ask({ method })).toMatchObject({ status: 200, body: method === "GET" ? "fine" : "" });
      expect(server.seen[0]?.stream.endAfterHeaders).toBe(true);
    });
  }

  it("whose headers HTTP/2 does not know is refused, and harms no other", async () => {
    const server = await serve(echoH2c);
    let release = () => {};
    const held = open.begin({ headers: { "content-length": "5" } });
    await open.ask({ body: "{}" });
    const other = new Promise<string>((resolve) => {
      held.on("response", (response) => resolve(text(response)));
      release = () => void held.end("hello");
    });
    const twice = "GET / HTTP/1.1\r\nhost: a\r\ncontent-type: a\r\nContent-Type: b\r\nconnection: close\r\n\r\n";
    expect(await open.exchange(twice)).toMatch(/^HTTP\/1\.1 400 /);
    release();
    expect(await other).toBe("hello");
    expect(server.sessions).toHaveLength(1);
  });

  it("goes to the next endpoint where the first refuses the connection, is silent, or speaks HTTP/1.1", async () => {
    const server = await serve(echoH2c);
    const http1 = await openModelServer(echo);
    const silent = await silentDestination();
    const mute = await openBareServer(() => {});
    closing.push(http1.close, silent.close, mute.close);
    const { destination } = server;
    for (const first of [await refusingDestination(), http1.destination, silent.destination, mute.destination]) {
      open.scheduler.answer({ destinations: [first, destination] });
      expect(await open.ask({ body: "hello" })).toMatchObject({ status: 200, body: "hello" });
    }
    expect([await faults("connect_failed"), await faults("connect_timeout")]).toEqual([2, 2]);
    expect(http1.seen).toEqual([]);
  });

  it("is refused with 503 where no endpoint is left", async () => {
    open.scheduler.answer({ destinations: [await refusingDestination()] });
    expect((await open.ask({ body: "hello" })).status).toBe(503);
  });

  it("shares its connection with others, as far as the model server allows", async () => {
    const server = await serve((stream) => {
      stream.respond({ ":status": 200 });
      setTimeout(() => stream.end("fine"), 20);
    }, 10);
    const answers = await Promise.all(Array.from({ length: 25 }, () => open.ask({ body: "{}" })));
    expect(answers.every(({ body }) => body === "fine")).toBe(true);
    expect(server.sessions.length).toBeLessThanOrEqual(3);
    await open.ask({ body: "{}" });
    expect(server.sessions.length).toBeLessThanOrEqual(3);
  });

  it("is one of many with large bodies", async () => {
    const server = await serve(echoH2c);
    const body = "x".repeat(300_000);
    const answers = await Promise.all(Array.from({ length: 120 }, () => open.ask({ body })));
    expect(answers.every((answer) => answer.status === 200 && answer.body.length === body.length)).toBe(true);
    expect(server.sessions).toHaveLength(2);
    expect(open.held.bytes).toBe(0);
  }, 30_000);
});

describe("a response over h2c", () => {
  it("passes chunk by chunk, its headers before the first", async () => {
    let upstream: ServerHttp2Stream | undefined;
    await serve((stream) => {
      upstream = stream;
      stream.respond({ ":status": 200, "content-type": "text/event-stream" });
    });
    const response = await open.respond({ body: "{}" });
    for (const event of ["data: 1\n\n", "data: 2\n\n"]) {
      upstream?.write(event);
      expect(String((await once(response, "data"))[0])).toBe(event);
    }
    upstream?.end();
    await once(response, "end");
    expect(open.scheduler.seen[0]).toMatchObject({ chunks: ["data: 1\n\n", "data: 2\n\n"], causes: ["ok"] });
  });

  it("does not pile up in front of a client that does not read, and holds up no other", async () => {
    let written = 0;
    const server = await serve((stream, headers) => {
      stream.respond({ ":status": 200 });
      if (headers[":path"] !== "/endless") return void stream.end("fine");
      const fill = () => {
        while (!stream.destroyed && written < 2 ** 30 && stream.write(Buffer.alloc(16 * 1024))) written += 16 * 1024;
      };
      stream.on("drain", fill);
      fill();
    });
    const unread = [await open.respond({ path: "/endless" }), await open.respond({ path: "/endless" })];
    let before = -1;
    await eventually(
      () => {
        const stands = written === before;
        before = written;
        expect(stands).toBe(true);
      },
      { interval: 100 },
    );
    expect(written).toBeLessThan(100 * 1024 * 1024);
    expect((await open.ask({ path: "/other" })).body).toBe("fine");
    expect(server.sessions).toHaveLength(1);
    for (const response of unread) response.destroy();
    await eventually(() => expect(open.scheduler.seen.map(({ causes }) => causes[0])).toContain("client_cancelled"));
  });

  const cuts = [
    { title: "cuts the connection", cut: (stream: ServerHttp2Stream) => stream.session?.socket.destroy() },
    { title: "ends the connection", cut: (stream: ServerHttp2Stream) => stream.session?.destroy() },
  ];
  for (const { title, cut } of cuts) {
    it(`that the model server ${title} of is cut for the client, and the next request is served`, async () => {
      const server = await serve((stream, headers) => {
        stream.respond({ ":status": 200 });
        if (headers[":path"] === "/cut") stream.write("half", () => cut(stream));
        else stream.end("fine");
      });
      await expect(text(await open.respond({ path: "/cut" }))).rejects.toMatchObject({ code: "ECONNRESET" });
      expect(open.scheduler.seen[0]?.causes).toEqual(["upstream_error"]);
      expect(await faults("broken")).toBe(1);
      expect((await open.ask({ path: "/next" })).body).toBe("fine");
      expect(server.seen).toHaveLength(2);
    });
  }

  for (const code of [constants.NGHTTP2_INTERNAL_ERROR, constants.NGHTTP2_CANCEL]) {
    it(`that the model server resets with code ${code} is cut for the client`, async () => {
      const server = await openRawH2cServer((connection, streamId) => {
        connection.respond(streamId, "half");
        connection.reset(streamId, code);
      });
      closing.push(server.close);
      open.scheduler.answer({ destinations: [server.destination] });
      await expect(text(await open.respond({ body: "{}" }))).rejects.toMatchObject({ code: "ECONNRESET" });
      expect(open.scheduler.seen[0]?.causes).toEqual(["upstream_error"]);
    });
  }

  it("that does not begin is answered 504, and its stream is reset, while others go on", async () => {
    await open.close();
    open = await openGateway({ options: { upstream: "h2c", responseTimeoutMs: 60 } });
    const server = await serve((stream, headers) => {
      if (headers[":path"] === "/never") return;
      stream.respond({ ":status": 200 });
      setTimeout(() => stream.end("late"), 150);
    });
    const other = open.ask({ path: "/other" });
    expect((await open.ask({ path: "/never" })).status).toBe(504);
    expect((await other).body).toBe("late");
    const never = server.seen.find(({ headers }) => headers[":path"] === "/never");
    await eventually(() => expect(never?.stream.rstCode).toBe(constants.NGHTTP2_CANCEL));
  });
});

describe("a client that leaves an exchange over h2c", () => {
  it("resets its stream and no other", async () => {
    const server = await serve((stream, headers) => {
      stream.respond({ ":status": 200 });
      if (headers[":path"] === "/left") stream.write("half");
      else setTimeout(() => stream.end("late"), 100);
    });
    const other = open.ask({ path: "/other" });
    (await open.respond({ path: "/left" })).destroy();
    const left = () => server.seen.find(({ headers }) => headers[":path"] === "/left")?.stream;
    await eventually(() => expect(left()?.rstCode).toBe(constants.NGHTTP2_CANCEL));
    expect((await other).body).toBe("late");
    expect(server.sessions).toHaveLength(1);
  });

  it("while the connection is made is not sent on", async () => {
    const mute = await openBareServer(() => {});
    closing.push(mute.close);
    open.scheduler.answer({ destinations: [mute.destination] });
    const sent = open.start({ body: "{}" });
    await eventually(() => expect(open.scheduler.seen).toHaveLength(1));
    sent.destroy();
    await eventually(() => expect(open.scheduler.seen[0]?.causes).toEqual(["client_cancelled"]));
    await sleep(600);
    expect(await faults("connect_timeout")).toBeNaN();
  });
});

describe("a model server that speaks h2c and goes away", () => {
  it("with a notice finishes what it has, and what comes next goes over another connection", async () => {
    let first: ServerHttp2Stream | undefined;
    const server = await serve((stream) => {
      stream.respond({ ":status": 200 });
      if (first === undefined) first = stream;
      else stream.end("second");
    });
    const early = open.ask({ body: "1" });
    await eventually(() => expect(first).toBeDefined());
    server.sessions[0]?.goaway(constants.NGHTTP2_NO_ERROR, 2 ** 31 - 1);
    await sleep(20);
    expect((await open.ask({ body: "2" })).body).toBe("second");
    first?.end("first");
    expect((await early).body).toBe("first");
    expect(server.sessions).toHaveLength(2);
  });

  it("with a notice that refuses a request has it sent again, whatever its method", async () => {
    let streams = 0;
    const server = await openRawH2cServer((connection, streamId) => {
      if (streams++ === 0) return connection.goAway(0);
      connection.respond(streamId, "second");
      connection.reset(streamId, constants.NGHTTP2_CANCEL);
    });
    closing.push(server.close);
    open.scheduler.answer({ destinations: [server.destination] });
    expect((await open.respond({ body: "1" })).statusCode).toBe(200);
    expect([streams, await open.metric("outrider_gateway_retries_total")]).toEqual([2, 1]);
  });

  it("refusing a stream has it sent again once, and no more", async () => {
    const server = await serve((stream) => stream.close(constants.NGHTTP2_REFUSED_STREAM));
    expect((await open.ask({ body: "1" })).status).toBe(502);
    expect(server.seen).toHaveLength(2);
  });

  it("and comes back is found again", async () => {
    const server = await serve(echoH2c);
    expect((await open.ask({ body: "1" })).body).toBe("1");
    server.close();
    await eventually(async () => expect((await open.ask({ body: "2" })).status).toBe(503));
    await serve(echoH2c, undefined, Number(server.destination.split(":")[1]));
    expect((await open.ask({ body: "3" })).body).toBe("3");
  });

  it("lists its models", async () => {
    await open.close();
    const server = await openH2cModelServer((stream) => {
      stream.respond({ ":status": 200 });
      stream.end('{"data":[{"id":"a"}]}');
    });
    closing.push(server.close);
    open = await openGateway({ options: { upstream: "h2c" }, endpoints: () => [server.destination] });
    expect((await open.ask({ method: "GET", path: "/v1/models" })).body).toBe('{"object":"list","data":[{"id":"a"}]}');
  });
});
