import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import { eventually } from "../doors/testing/eventually.ts";
import {
  echo,
  openBareServer,
  openModelServer,
  refusingDestination,
  silentDestination,
} from "./testing/model-server.ts";
import { type OpenGateway, type OpenOptions, openGateway } from "./testing/open-gateway.ts";

let open: OpenGateway;
let closing: (() => void)[] = [];

afterEach(async () => {
  await open.close();
  for (const close of closing) close();
  closing = [];
});

async function opened(options: OpenOptions = {}): Promise<void> {
  open = await openGateway(options);
}

async function modelServer(answer = echo) {
  const server = await openModelServer(answer);
  closing.push(server.close);
  return server;
}

const retries = () => open.metric("outrider_gateway_retries_total");

/**
 * Answers the first request of each connection. What comes behind it on a connection is cut: by a FIN, or by a reset.
 * Later connections are served.
 */
async function forgetfulServer(cut: "end" | "resetAndDestroy") {
  let cuts = 0;
  let served = 0;
  const server = await openBareServer((socket) => {
    let isFirst = true;
    socket.on("data", () => {
      if (isFirst) {
        served++;
        socket.write("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nfine");
      } else {
        cuts++;
        socket[cut]();
      }
      isFirst = false;
    });
  });
  closing.push(server.close);
  return { destination: server.destination, cuts: () => cuts, served: () => served };
}

describe("a request whose endpoint", () => {
  it("refuses the connection goes to the next one", async () => {
    await opened();
    const server = await modelServer();
    const destinations = [await refusingDestination(), await refusingDestination(), server.destination];
    open.scheduler.answer({ destinations });
    expect(await open.ask({ body: "hello" })).toMatchObject({ status: 200, body: "hello" });
    expect(open.scheduler.seen[0]).toMatchObject({ responses: [{ served: server.destination }], causes: ["ok"] });
    expect(await retries()).toBe(2);
    expect(await open.metric('outrider_gateway_upstream_faults_total{fault="connect_failed"}')).toBe(2);
  });

  it("does not accept the connection in time goes to the next one", async () => {
    await opened({ options: { connectTimeoutMs: 100 } });
    const silent = await silentDestination();
    closing.push(silent.close);
    const server = await modelServer();
    open.scheduler.answer({ destinations: [silent.destination, server.destination] });
    expect(await open.ask({ body: "hello" })).toMatchObject({ status: 200, body: "hello" });
    expect(await open.metric('outrider_gateway_upstream_faults_total{fault="connect_timeout"}')).toBe(1);
  });

  it("accepts no connection in time, like all others, is answered 503", async () => {
    await opened({ options: { connectTimeoutMs: 100 } });
    const silent = await silentDestination();
    closing.push(silent.close);
    open.scheduler.answer({ destinations: [silent.destination] });
    expect((await open.ask({ body: "hello" })).status).toBe(503);
    expect(await retries()).toBe(0);
  });

  it("had it and cut the connection goes to no other, and is answered 502", async () => {
    await opened();
    const first = await modelServer((_, response) => response.destroy());
    const second = await modelServer();
    open.scheduler.answer({ destinations: [first.destination, second.destination] });
    expect((await open.ask({ body: "hello" })).status).toBe(502);
    expect((await open.ask({ method: "GET" })).status).toBe(502);
    expect(second.seen).toEqual([]);
    expect(open.scheduler.seen[0]?.causes).toEqual(["upstream_error"]);
    expect(await retries()).toBe(0);
  });

  it("answers with an error of its own goes to no other", async () => {
    await opened();
    const first = await modelServer((_, response) => response.writeHead(503).end("busy"));
    const second = await modelServer();
    open.scheduler.answer({ destinations: [first.destination, second.destination] });
    expect(await open.ask({ body: "hello" })).toMatchObject({ status: 503, body: "busy" });
    expect(second.seen).toEqual([]);
  });
});

describe("a connection that was kept and turns out dead", () => {
  const repeatable = [
    { title: "a method that may be done twice", sent: { method: "GET" } },
    {
      title: "the client's word that it may",
      sent: { path: "/v1/load_lora_adapter", headers: { "idempotency-key": "k" }, body: "{}" },
    },
    { title: "a completion, which changes nothing", sent: { path: "/v1/chat/completions?a=b", body: "{}" } },
  ];
  for (const cut of ["end", "resetAndDestroy"] as const) {
    for (const { title, sent } of repeatable) {
      it(`(${cut}) has the request sent again to the same endpoint, once, for ${title}`, async () => {
        await opened();
        const server = await forgetfulServer(cut);
        open.scheduler.answer({ destinations: [server.destination] });
        expect((await open.ask(sent)).body).toBe("fine");
        expect(await open.ask(sent)).toMatchObject({ status: 200, body: "fine" });
        expect([server.cuts(), server.served(), await retries()]).toEqual([1, 2, 1]);
        expect(open.scheduler.seen[1]?.causes).toEqual(["ok"]);
      });
    }

    it(`(${cut}) is no reason to send again what changes the model server, which may have begun it`, async () => {
      await opened();
      const server = await forgetfulServer(cut);
      open.scheduler.answer({ destinations: [server.destination, await refusingDestination()] });
      const sent = { path: "/v1/load_lora_adapter", body: "{}" };
      expect((await open.ask(sent)).body).toBe("fine");
      expect((await open.ask(sent)).status).toBe(502);
      expect([server.cuts(), server.served(), await retries()]).toEqual([1, 1, 0]);
    });
  }

  it("is not used when the model server had closed it before", async () => {
    await opened();
    const server = await openBareServer((socket) => {
      socket.once("data", () => {
        socket.write("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nfine");
        socket.once("data", () => socket.destroy());
        setTimeout(() => socket.end(), 10);
      });
    });
    closing.push(server.close);
    open.scheduler.answer({ destinations: [server.destination] });
    for (let i = 0; i < 3; i++) {
      expect(await open.ask({ body: "{}" })).toMatchObject({ status: 200, body: "fine" });
      await sleep(30);
    }
    expect(await retries()).toBe(0);
  });
});

it("tells nobody of a request whose client left while it was tried again", async () => {
  await opened({ options: { connectTimeoutMs: 100 } });
  const silent = await silentDestination();
  closing.push(silent.close);
  const server = await modelServer();
  open.scheduler.answer({ destinations: [silent.destination, server.destination] });
  const sent = open.start({ body: "hello" });
  await eventually(() => expect(open.scheduler.seen).toHaveLength(1));
  sent.destroy();
  await eventually(() => expect(open.scheduler.seen[0]?.causes).toEqual(["client_cancelled"]));
  await sleep(200);
  expect([server.seen, open.held.bytes]).toEqual([[], 0]);
});
