import { gunzipSync, gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ModelRewrite } from "../scheduling/types.ts";
import { type Answer, type ModelServer, openModelServer } from "./testing/model-server.ts";
import { type OpenGateway, openGateway } from "./testing/open-gateway.ts";

let open: OpenGateway;
let servers: ModelServer[] = [];

beforeEach(async () => {
  open = await openGateway();
});
afterEach(async () => {
  await open.close();
  for (const server of servers) server.close();
  servers = [];
});

/** Capitals to the model server, and back in small letters with a mark behind them. */
function capitals(body: readonly string[] | undefined): ModelRewrite {
  return {
    model: "m",
    body: body?.map((chunk) => Buffer.from(chunk)),
    respond: () => ({
      push: (chunk) => (chunk.length === 1 ? [] : [Buffer.from(Buffer.from(chunk).toString().toLowerCase())]),
      end: () => [Buffer.from("!"), Buffer.from("?")],
    }),
    releaseBody() {},
  };
}

async function serve(answer: Answer, rewrite: ModelRewrite): Promise<ModelServer> {
  const server = await openModelServer(answer);
  servers.push(server);
  open.scheduler.answer({ destinations: [server.destination], rewrite });
  return server;
}

describe("a request whose model has another name at the model server", () => {
  it("goes there with that name, and its response comes back with the client's", async () => {
    const server = await serve(
      (incoming, response) => {
        response.setHeader("content-length", incoming.headers["content-length"] ?? "");
        incoming.pipe(response);
      },
      capitals(["ABC", "DEF", "GH"]),
    );
    const { status, body, headers } = await open.ask({ headers: { "accept-encoding": "gzip" }, body: "abc" });
    expect([status, body, headers["content-length"]]).toEqual([200, "abcdefgh!?", undefined]);
    expect(server.seen[0]?.headers).toMatchObject({ "content-length": "8" });
    expect(server.seen[0]?.headers).not.toHaveProperty("accept-encoding");
    expect(open.scheduler.seen[0]).toMatchObject({ body: "abc", chunks: ["ABCDEFGH"], causes: ["ok"] });
  });

  it("keeps its body where none was shown", async () => {
    await serve((incoming, response) => incoming.pipe(response), capitals(undefined));
    expect((await open.ask({ body: "ABC" })).body).toBe("abc!?");
  });

  it("gets a response in an encoding as it is", async () => {
    await serve((_, response) => {
      const body = gzipSync("ABC");
      response.writeHead(200, { "content-encoding": "gzip", "content-length": body.length }).end(body);
    }, capitals(undefined));
    const response = await open.respond({ body: "abc" });
    const body = Buffer.concat((await response.toArray()) as Buffer[]);
    expect([gunzipSync(body).toString(), response.headers["content-length"]]).toEqual(["ABC", String(body.length)]);
  });

  it("waits for no more of a response than the rewrite holds back", async () => {
    await serve((_, response) => {
      response.write("X");
      setTimeout(() => response.write("FIRST"), 20);
    }, capitals(undefined));
    const response = await open.respond({ body: "abc" });
    expect(String((await response[Symbol.asyncIterator]().next()).value)).toBe("first");
  });
});
