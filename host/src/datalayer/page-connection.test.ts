import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { createPageBuffers } from "./page-buffers.ts";
import { createPageConnections, type PageConnection } from "./page-connection.ts";
import type { ScrapeFault } from "./scrape-fault.ts";

const connectPages = createPageConnections({
  path: "/metrics",
  maxPageBytes: 1_000_000,
  buffers: createPageBuffers(),
});

/** What to undo behind a test. */
const open: (() => void)[] = [];
afterEach(() => {
  for (const close of open.splice(0)) close();
});

describe("a page that cannot be had", () => {
  const faults: readonly { title: string; respond: RequestListener; fault: ScrapeFault }[] = [
    {
      title: "status 500",
      respond: (_, response) => response.writeHead(500).end("no"),
      fault: { reason: "status", detail: "status 500" },
    },
    {
      title: "a page of 100 MB",
      respond: (_, response) => response.writeHead(200, { "content-length": 100_000_000 }).end("x"),
      fault: { reason: "too_large", detail: "a page of more than 1000000 bytes" },
    },
    {
      title: "a page without end",
      respond: (_, response) => {
        const more = () => {
          while (!response.destroyed && response.write("x".repeat(100_000)));
        };
        response.on("drain", more);
        more();
      },
      fault: { reason: "too_large", detail: "a page of more than 1000000 bytes" },
    },
    {
      title: "a connection reset within the page",
      respond: (_, response) => {
        response.writeHead(200, { "content-length": 1_000 });
        response.write("half", () => response.socket!.resetAndDestroy());
      },
      fault: { reason: "reset", detail: "ECONNRESET" },
    },
    {
      title: "a connection ended within the page",
      respond: (_, response) => {
        response.writeHead(200, { "content-length": 1_000 });
        response.write("half", () => response.socket!.end());
      },
      fault: { reason: "reset", detail: "the connection ended within an answer" },
    },
    {
      title: "gzip that nobody asked for",
      respond: (_, response) => response.writeHead(200, { "content-encoding": "gzip" }).end("x"),
      fault: { reason: "encoding", detail: "content-encoding gzip, though identity was asked for" },
    },
  ];
  for (const { title, respond, fault } of faults) {
    it(`is a fault of reason ${fault.reason} at ${title}, and the next page is fetched`, async () => {
      let calls = 0;
      const address = await serve((request, response) =>
        calls++ === 0 ? respond(request, response) : response.end("page\n"),
      );
      const { fetch } = connectTo(address);
      expect(await fetch()).toEqual(fault);
      expect(await fetch()).toBe("page\n");
    });
  }

  it("is refused where nobody listens", async () => {
    const server = createTcpServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    server.close();
    const { fetch, connection } = connectTo(`127.0.0.1:${port}`);
    expect(await fetch()).toEqual({ reason: "refused", detail: "ECONNREFUSED" });
    expect(connection.connected).toBe(false);
  });

  it("is a reset where the server accepts and closes", async () => {
    const address = await listen(createTcpServer((socket) => socket.destroy()));
    expect(await connectTo(address).fetch()).toMatchObject({ reason: "reset" });
  });

  it("never comes behind a close, and the connection can be asked again", async () => {
    let calls = 0;
    const address = await serve((_, response) => void (calls++ === 0 || response.end("page\n")));
    const { fetch, connection, answers } = connectTo(address);
    void fetch();
    await until(() => calls === 1 && connection.connected);
    connection.close();
    expect(await fetch()).toBe("page\n");
    expect(answers).toHaveLength(1);
  });
});

describe("a page", () => {
  const large = `${"x".repeat(900_000)}\n`;
  const ways: readonly { title: string; respond: RequestListener; want: string }[] = [
    { title: "of a few bytes", respond: (_, response) => response.end("page\n"), want: "page\n" },
    { title: "of 900 kB", respond: (_, response) => response.end(large), want: large },
    {
      title: "in chunks",
      respond: (_, response) => {
        response.write("pa");
        setImmediate(() => response.end("ge\n"));
      },
      want: "page\n",
    },
  ];
  for (const { title, respond, want } of ways) {
    it(`is fetched again and again over one connection, ${title}`, async () => {
      const sockets = new Set<Socket>();
      const address = await serve((request, response) => {
        sockets.add(request.socket);
        respond(request, response);
      });
      const { fetch } = connectTo(address);
      for (let i = 0; i < 5; i++) expect(await fetch()).toBe(want);
      expect(sockets.size).toBe(1);
    });
  }

  it("is asked for as HTTP/1.1 without compression", async () => {
    const address = await serve((request, response) => response.end(JSON.stringify([request.url, request.headers])));
    const [url, headers] = JSON.parse((await connectTo(address).fetch()) as string);
    expect(url).toBe("/metrics");
    expect(headers).toMatchObject({ host: address, "accept-encoding": "identity" });
  });

  it("is fetched from an IPv6 address", async () => {
    const address = await serve((_, response) => response.end("page\n"), "::1");
    expect(address).toMatch(/^\[::1\]:/);
    expect(await connectTo(address).fetch()).toBe("page\n");
  });

  it("is fetched over a new connection where the last one ended while it idled", async () => {
    const address = await serve((request, response) => response.end("page\n", () => request.socket.end()));
    const { fetch, connection } = connectTo(address);
    expect(await fetch()).toBe("page\n");
    await until(() => !connection.connected);
    expect(await fetch()).toBe("page\n");
  });

  it("is fetched over a new connection where the last one ends as it is asked", async () => {
    let calls = 0;
    const server = createTcpServer((socket) => {
      socket.on("data", () => {
        calls += 1;
        if (calls === 2) socket.destroy();
        else socket.write("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\npage\n");
      });
    });
    const { fetch } = connectTo(await listen(server));
    expect(await fetch()).toBe("page\n");
    expect(await fetch()).toBe("page\n");
    expect(calls).toBe(3);
  });

  it("is fetched over a new connection each time from a server that closes", async () => {
    const respond = "HTTP/1.0 200 OK\r\n\r\npage\n";
    const address = await listen(createTcpServer((socket) => socket.on("data", () => socket.end(respond))));
    const { fetch } = connectTo(address);
    for (let i = 0; i < 3; i++) expect(await fetch()).toBe("page\n");
  });

  it("is not taken from bytes nobody asked for", async () => {
    let pushed = 0;
    const server = createTcpServer((socket) => {
      socket.on("data", () => {
        socket.write("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\npage\n");
        if (pushed++ === 0) setTimeout(() => socket.write("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nevil\n"), 5);
      });
    });
    const { fetch, connection } = connectTo(await listen(server));
    expect(await fetch()).toBe("page\n");
    await until(() => !connection.connected);
    expect(await fetch()).toBe("page\n");
  });
});

/** A connection whose fetches are awaited. */
function connectTo(address: string) {
  const answers: (string | ScrapeFault)[] = [];
  let settle: (answer: string | ScrapeFault) => void = () => undefined;
  const answer = (value: string | ScrapeFault) => {
    answers.push(value);
    settle(value);
  };
  const connection: PageConnection = connectPages(address, {
    onPage: (page) => answer(page.toString()),
    onFault: answer,
  });
  open.push(() => connection.close());
  const fetch = () =>
    new Promise<string | ScrapeFault>((resolve) => {
      settle = resolve;
      connection.fetch();
    });
  return { connection, fetch, answers };
}

async function serve(respond: RequestListener, host = "127.0.0.1"): Promise<string> {
  return listen(createServer(respond), host);
}

async function listen(server: Server, host = "127.0.0.1"): Promise<string> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
  });
  open.push(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  server.listen(0, host);
  await once(server, "listening");
  const { address, port } = server.address() as AddressInfo;
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}
