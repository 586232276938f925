import { expect } from "vitest";
import { completion, expectCarried, expectEcho } from "../bodies.ts";
import { noRetryHeader } from "../bootstrap.ts";
import type { Case } from "../case.ts";
import { type Mode, requestMode, seesRequestBody } from "../mode.ts";

/** See {@link noRetryHeader}. */
function isDoubledByRetry({ request, trailers }: Mode): boolean {
  return request === "FULL_DUPLEX_STREAMED" || (request === "STREAMED" && trailers === "SEND");
}

const megabytes20 = Buffer.from(completion(20_000_000));

/** Requests of every shape arrive unchanged at the endpoint that was picked. */
export const requestCases: readonly Case[] = [
  { title: "carries a small POST", run: async (place) => void (await expectCarried(place, { body: completion(100) })) },
  {
    title: "carries a small POST over HTTP/2",
    async run(place) {
      const body = completion(100);
      await expectEcho(place, await place.askHttp2("/echo", { body }), body);
    },
  },
  {
    title: "carries a POST of 400 kB",
    run: async (place) => void (await expectCarried(place, { body: completion(400_000) })),
  },
  {
    title: "carries a POST of 400 kB in chunks",
    run: async (place) => void (await expectCarried(place, { body: completion(400_000), isChunked: true })),
  },
  {
    title: "carries a POST whose client waits to be told to go on",
    run: async (place) =>
      void (await expectCarried(place, { body: completion(5000), headers: { expect: "100-continue" } })),
  },
  {
    title: "carries a POST whose length is 0",
    run: async (place) => void (await expectCarried(place, { method: "POST", body: "" })),
  },
  {
    title: "carries request trailers",
    async run(place) {
      const headers = isDoubledByRetry(place.mode) ? { [noRetryHeader]: "1" } : {};
      const call = await expectCarried(place, { body: completion(5000), headers, trailers: { "x-checksum": "42" } });
      expect(JSON.parse(call.answer.body.toString())).toMatchObject({ trailers: { "x-checksum": "42" } });
    },
  },
  {
    title: "overwrites a destination that the client names",
    run: async (place) =>
      void (await expectCarried(place, {
        body: completion(100),
        headers: { "x-gateway-destination-endpoint": "127.0.0.1:1" },
      })),
  },
  {
    title: "answers 413 to 20 MB while they come",
    in: (mode) => requestMode(mode) === "FULL_DUPLEX_STREAMED",
    through: ["override_host"],
    async run(place) {
      const { answer } = await place.ask("/echo", { body: megabytes20 });
      expect(answer.status).toBe(413);
      expect(answer.body.toString()).toMatch(/^inference error: PayloadTooLarge - /);
    },
  },
  {
    title: "carries 20 MB where the limit is raised",
    in: (mode) => requestMode(mode) === "FULL_DUPLEX_STREAMED",
    through: ["override_host"],
    picker: "roomy",
    run: async (place) => void (await expectCarried(place, { body: megabytes20 })),
  },
  {
    title: "leaves Envoy's own 413 to 20 MB as it is, which do not fit its buffer",
    in: (mode) => requestMode(mode) === "BUFFERED",
    through: ["override_host"],
    picker: "roomy",
    async run(place) {
      const { answer } = await place.ask("/echo", { body: megabytes20 });
      expect({ status: answer.status, text: answer.body.toString() }).toEqual({
        status: 413,
        text: "Payload Too Large",
      });
    },
  },
  {
    title: "carries 20 MB, of which it sees a part or nothing",
    in: (mode) => !["FULL_DUPLEX_STREAMED", "BUFFERED"].includes(requestMode(mode)),
    through: ["override_host"],
    run: async (place) => void (await expectCarried(place, { body: megabytes20 })),
  },
  {
    title: "answers GET and HEAD",
    async run(place) {
      const got = await place.ask("/v1/models");
      expect(JSON.parse(got.answer.body.toString())).toMatchObject({ object: "list" });
      await place.expectFollowed(got);
      const headed = await place.ask("/v1/models", { method: "HEAD" });
      expect({ status: headed.answer.status, bytes: headed.answer.body.length }).toEqual({ status: 200, bytes: 0 });
      await place.expectFollowed(headed);
    },
  },
  {
    title: "carries a body that is no JSON and has trailers, since such a body may be a part of one",
    in: (mode) => requestMode(mode) === "BUFFERED_PARTIAL",
    run: async (place) => void (await expectCarried(place, { body: "{nonsense", trailers: { "x-t": "1" } })),
  },
  {
    title: "carries a body that is no JSON, which it does not see",
    in: (mode) => !seesRequestBody(mode),
    run: async (place) => void (await expectCarried(place, { body: "{nonsense" })),
  },
];
