import { describe, expect, it } from "vitest";
import { type Row, statusOf, titleOf } from "./testing/row-status.ts";

const subsetKey = "x-gateway-destination-endpoint-subset";
const destinationKey = "x-gateway-destination-endpoint";
const hint = (value: unknown) => ({ "envoy.lb.subset_hint": { [subsetKey]: value } });
const destination = (value: string, more: Row = {}) => ({ "envoy.lb": { [destinationKey]: value, ...more } });

describe("stream rows like those that are kept", () => {
  const body = { type: "request_body", body_text: '{"model":"my-model","prompt":"x"}', end_of_stream: true };
  const post = (more: Row = {}) => ({ type: "request_headers", headers: { hi: "mom" }, end_of_stream: false, ...more });
  const get = { type: "request_headers", headers: { ":method": "GET", ":path": "/v1/models" }, end_of_stream: true };
  const inMode = (request: string, response: string) =>
    post({ protocol_config: { request_body_mode: request, response_body_mode: response } });
  const plain = "body reply uses body mutation, not streamed_response (or the request is refused clearly)";
  const equal = "set_headers destination == dynamic_metadata envoy.lb destination";
  const cases: readonly { send: readonly unknown[]; want: readonly string[]; name?: string; wrong: string }[] = [
    { send: [inMode("BUFFERED", "BUFFERED"), body], want: [plain, equal], wrong: "body replies use streamed_response" },
    { send: [inMode("BUFFERED_PARTIAL", "NONE"), body], want: [plain, equal], wrong: "no request_body reply" },
    { send: [inMode("STREAMED", "STREAMED"), body], want: [plain, equal], wrong: "immediate_response 503" },
    { send: [inMode("NONE", "NONE")], want: ["1 replies", equal], wrong: "request_body reply" },
    {
      send: [post({ protocol_config: null }), body],
      want: ["2 replies", "body replies use streamed_response"],
      wrong: plain,
    },
    { send: ["any GET"], want: ["one request_headers reply", "no request_body reply"], wrong: "2 replies" },
    {
      send: ["any GET"],
      name: "no pods",
      want: ["immediate_response 503; llm-d answers 500"],
      wrong: "immediate_response 500",
    },
    {
      send: ["any POST with an empty body"],
      want: ["immediate_response 400 with body starting with 'inference error: BadRequest - '"],
      wrong: "immediate_response 404",
    },
    {
      send: ["any request with trailers"],
      want: ["3 replies in order request_headers, request_body, request_trailers"],
      wrong: "request_body reply/ies with end_of_stream true",
    },
    {
      send: ["any response with trailers"],
      want: ["response_trailers reply; llm-d hangs", "nothing after end_of_stream"],
      wrong: "response_body reply/ies with end_of_stream true",
    },
    {
      send: ["any routed request", { type: "response_headers", headers: { ":status": "500" }, end_of_stream: true }],
      want: ["response_headers reply and completion hooks run once"],
      wrong: "no response_headers reply",
    },
    {
      send: ["a complete exchange"],
      want: ["completion hooks run once with cause natural"],
      wrong: "completion hooks do not run",
    },
    {
      send: ["picker returns 2 endpoints"],
      want: ["value ip:port,ip:port without spaces, best first"],
      wrong: "a single endpoint",
    },
    {
      send: ["picker returns 5 endpoints"],
      want: ["value ip:port,ip:port,ip:port,ip:port,ip:port without spaces, best first"],
      wrong: "value ip:port without spaces, best first",
    },
    {
      send: ["62001-byte body in one chunk"],
      want: ["two request_body replies of 62000, 1 bytes, end_of_stream only on the second"],
      wrong: "one request_body reply of 62001 bytes",
    },
    {
      send: ["300000-byte body in 32 KiB chunks"],
      want: ["no chunk above 62000 bytes, and the request body is unchanged"],
      wrong: "each chunk at most 61999 bytes",
    },
    {
      send: ["200 000-byte response body in 64 KiB chunks"],
      want: ["response body unchanged", "last response_body reply with end_of_stream true"],
      wrong: "end_of_stream only on the first",
    },
    {
      send: ["cancel the gRPC stream after request_headers"],
      want: ["no reply; completion hooks do not run"],
      wrong: "completion hooks run once",
    },
    {
      send: ["the client leaves mid-response"],
      want: ["completion hooks run once with cause client-disconnect"],
      wrong: "completion hooks run once with cause natural",
    },
    {
      send: [post({ filter_metadata: hint("[fd00::2]:8080") }), body],
      want: ["destination [fd00::2]:8080", "IPv6 in brackets"],
      wrong: "no destination",
    },
    {
      send: [post({ filter_metadata: hint(["192.168.1.2"]) }), body],
      want: ["destination in the subset"],
      wrong: "destination 192.168.1.1:8000",
    },
    {
      send: [post(), { ...body, filter_metadata: hint(["192.168.1.3:8000"]) }],
      want: ["destination one of 192.168.1.3:8000, 192.168.1.4:8000"],
      wrong: "never 192.168.1.3:8000",
    },
    {
      send: [post({ filter_metadata: hint(["10.9.9.9:1"]) }), body],
      want: ["immediate_response 503"],
      wrong: "immediate_response 429",
    },
    {
      send: [{ ...get, filter_metadata: hint([]) }],
      want: ["immediate_response 503 by the protocol text"],
      wrong: "no immediate_response",
    },
    {
      send: [post({ headers: { [destinationKey]: "6.6.6.6:66" } }), body],
      want: ["client-sent destination overwritten", "not 6.6.6.6:66"],
      wrong: "destination 6.6.6.6:66",
    },
    {
      send: [
        post({
          headers: undefined,
          headers_list: [
            ["a", "1"],
            ["b", "2"],
            ["a", "3"],
            ["a", "4"],
          ],
        }),
        body,
      ],
      want: ["all values reach the backend"],
      wrong: "set_headers carry no x-gateway-destination-endpoint",
    },
    {
      send: [post(), body, { type: "response_headers", headers: { ":status": "200" }, end_of_stream: true }],
      want: ["response_headers reply sets x-went-into-resp-headers to true"],
      wrong: "response_body reply",
    },
  ];
  for (const { send, want, name = "", wrong } of cases) {
    const row = { group: "derived", level: "derived", name, send };
    it(`pass: ${titleOf({ send, want })}`, async () => expect(await statusOf({ ...row, want })).toBe("pass"));
    it(`fail: ${titleOf({ send, want: wrong })}`, async () =>
      expect(
        await statusOf({ ...row, want: [...want.filter((sentence) => !sentence.includes("503")), wrong] }),
      ).toMatch(/^fail/));
  }

  it("of lwepp are judged but for the acknowledgement that their note takes back", async () => {
    const reply = (endpoint: string) => ({
      type: "request_headers",
      set_headers_in_order: [
        [destinationKey, endpoint],
        ["X-Echo-Set-Header", `x-conformance-test-served-endpoint:${endpoint}`],
      ],
      dynamic_metadata: destination(endpoint),
    });
    const row = (endpoint: string) => ({
      group: "lwepp",
      level: "protocol",
      endpoints: ["10.0.0.1:80", "10.0.0.2:80"],
      send: [post({ headers: { "test-epp-endpoint-selection": "10.0.0.2" } }), body],
      expect: [reply(endpoint), { type: "request_body", mutation: null }],
      notes: "an acknowledgement is not valid here",
    });
    expect(await statusOf(row("10.0.0.2:80"))).toBe("differs");
    expect(await statusOf(row("10.0.0.1:80"))).toMatch(/^fail/);
  });

  it("obey the suites' headers for lwepp alone", async () => {
    const sent = [{ ...get, headers: { "test-epp-endpoint-selection": "192.168.1.3" } }];
    const row = { send: sent, want: ["destination 192.168.1.3:8000"] };
    expect(await statusOf({ ...row, group: "lwepp", level: "derived" })).toBe("pass");
    expect(await statusOf({ ...row, group: "derived", level: "derived" })).toMatch(/^fail/);
  });
});
