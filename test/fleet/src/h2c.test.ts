import { type ClientHttp2Session, connect, constants } from "node:http2";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Fleet, startFleet } from "./fleet.ts";

let fleet: Fleet;
let session: ClientHttp2Session;

beforeAll(async () => {
  fleet = await startFleet({ protocols: ["http1", "h2c"], timeScale: 0.001 });
  session = connect(`http://${fleet.endpoints[0]}`);
});
afterAll(async () => {
  session.destroy();
  await fleet.stop();
});

function ask(path: string, body = "") {
  const stream = session.request({ ":method": body === "" ? "GET" : "POST", ":path": path });
  stream.end(body);
  return stream;
}

it("answers completions over HTTP/2, streamed ones too", async () => {
  const body = { model: "qwen3-32b", prompt: "x", max_tokens: 3 };
  const whole = JSON.parse(await text(ask("/v1/completions", JSON.stringify(body))));
  expect(whole.usage.completion_tokens).toBe(3);
  expect(await text(ask("/v1/completions", JSON.stringify({ ...body, stream: true })))).toMatch(/data: \[DONE\]\n\n$/);
});

it("answers HTTP/1.1 on the same port", async () => {
  const response = await fetch(`http://${fleet.endpoints[0]}/v1/models`);
  expect(await response.text()).toContain('"id":"qwen3-32b"');
  expect((await fetch(`http://${fleet.endpoints[0]}/metrics`)).status).toBe(200);
});

it("resets the stream where it would reset a connection", async () => {
  const stream = ask("/sse?chunks=5&resetAfter=2");
  stream.resume();
  await new Promise((resolve) => stream.on("error", () => {}).on("close", resolve));
  expect(stream.rstCode).toBe(constants.NGHTTP2_INTERNAL_ERROR);
});
