import { describe, expect, it } from "vitest";
import { parseCaseFile } from "./case-file.ts";
import { runCases } from "./run-cases.ts";

const run = async (...cases: unknown[]) => runCases(parseCaseFile(JSON.stringify({ schema_version: 1, cases })));
const statuses = async (...cases: unknown[]) =>
  (await run(...cases)).map(({ status, reason }) => `${status} ${reason}`);
const get = { type: "request_headers", headers: { ":method": "GET" }, end_of_stream: true };

describe("runCases", () => {
  const odd = [
    { title: "null", row: null, reason: /^unknown group/ },
    { title: "a group nobody has", row: { id: "x/y", group: "__proto__" }, reason: /^unknown group: __proto__/ },
    { title: "a unit row without given", row: { id: "c/1", group: "chunking" }, reason: /^unknown fields/ },
    {
      title: "a field of another type",
      row: { group: "chunking", given: { bytes: "many", set_eos: true }, want: { messages: 1 } },
      reason: /given\.bytes is "many", not a number/,
    },
    {
      title: "a field the adapter does not know",
      row: { group: "chunking", given: { bytes: 1, set_eos: true, colour: "red" }, want: { messages: 1 } },
      reason: /^unknown fields: given bytes, set_eos, colour/,
    },
    {
      title: "given that is a list",
      row: { group: "errors", given: [1], want: {} },
      reason: /case\.given is \[1\], not an object/,
    },
    {
      title: "a sentence nobody knows",
      row: { group: "derived", send: [get], want: ["the moon is full"] },
      reason: /^in words: the moon is full/,
    },
    {
      title: "a send nobody knows",
      row: { group: "derived", send: ["do something odd"], want: ["no reply"] },
      reason: /^in words: do something odd/,
    },
    {
      title: "a message of an unknown type",
      row: { group: "hermetic", send: [{ type: "request_smoke" }], expect: [] },
      reason: /send: type request_smoke/,
    },
    {
      title: "a message with an unknown field",
      row: { group: "hermetic", send: [{ ...get, smell: "roses" }], expect: [] },
      reason: /send: smell/,
    },
    {
      title: "a configuration that is not among the fixtures",
      row: { group: "hermetic", config: "mine", pods: [], send: [get], expect: [] },
      reason: /config mine is not among the fixtures/,
    },
    {
      title: "a reply with an unknown field",
      row: { group: "hermetic", pods: [], send: [get], expect: [{ type: "immediate_response", aroma: 1 }] },
      reason: /expect: aroma/,
    },
    {
      title: "options of the reference",
      row: { group: "hermetic", options: { x: 1 }, send: [get] },
      reason: /options/,
    },
  ];
  for (const { title, row, reason } of odd) {
    it(`finds ${title} not applicable`, async () => {
      const [result] = await run(row);
      expect(result?.status).toBe("not_applicable");
      expect(result?.reason).toMatch(reason);
    });
  }

  it("fails a row whose expectation is wrong, and no other", async () => {
    const chunk = (messages: number) => ({
      group: "chunking",
      given: { bytes: 62_001, set_eos: true },
      want: { messages },
    });
    expect(await statuses(chunk(2), chunk(3))).toEqual(["pass ", "fail 2 messages of 62000,1 bytes"]);
  });

  it("fails an immediate response of another status", async () => {
    const row = (status: number) => ({
      group: "hermetic",
      pods: [],
      send: [get],
      expect: [{ type: "immediate_response", status }],
    });
    const [wrong, right] = await run(row(404), row(503));
    expect(wrong?.status).toBe("fail");
    expect(right?.status).not.toBe("fail");
  });

  it("fails a reply that does not come", async () => {
    const pods = [{ index: 0, address: "10.0.0.1" }];
    const reply = { type: "request_headers", set_headers: { "x-gateway-destination-endpoint": "10.0.0.1:8000" } };
    const dynamic_metadata = { "envoy.lb": { "x-gateway-destination-endpoint": "10.0.0.1:8000" } };
    const row = (expect: unknown[]) => ({ group: "hermetic", pods, send: [get], expect });
    const [one, two] = await run(row([{ ...reply, dynamic_metadata }]), row([{ ...reply, dynamic_metadata }, reply]));
    expect(one).toEqual({ id: "case 1", status: "pass", reason: "" });
    expect(two?.reason).toBe("reply 1: none came, expected request_headers");
  });

  it("gives every row an id", async () => {
    expect((await run({}, { id: "a/b" })).map(({ id }) => id)).toEqual(["case 1", "a/b"]);
  });
});
