import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";
import { expect } from "vitest";
import { completion } from "../bodies.ts";
import type { Case } from "../case.ts";
import { requestMode, seesRequestBody } from "../mode.ts";
import type { Call } from "../place.ts";

function expectRefused({ answer }: Call, status: number, code: string): void {
  expect({ status: answer.status, text: answer.body.toString() }).toEqual({
    status,
    text: expect.stringMatching(new RegExp(`^inference error: ${code} - `)),
  });
}

/** What the host answers itself, in each phase that a mode has. */
export const refusalCases: readonly Case[] = [
  {
    title: "answers 431 to headers above the limit",
    picker: "tight",
    async run(place) {
      const headers = { "x-long": "x".repeat(3000) };
      expectRefused(
        await place.ask("/echo/v1/completions", { body: completion(100), headers }),
        431,
        "HeadersTooLarge",
      );
      expectRefused(await place.ask("/v1/models", { headers }), 431, "HeadersTooLarge");
    },
  },
  {
    title: "answers 503 where the gateway's subset leaves no endpoint",
    async run(place) {
      const headers = { "x-test-subset": "127.0.0.1:1" };
      expectRefused(
        await place.ask("/echo/v1/completions", { body: completion(100), headers }),
        503,
        "ServiceUnavailable",
      );
      expectRefused(await place.ask("/v1/models", { headers }), 503, "ServiceUnavailable");
    },
  },
  {
    title: "answers 400 to a body that is no JSON",
    in: seesRequestBody,
    run: async (place) =>
      expectRefused(await place.ask("/echo/v1/completions", { body: "{nonsense" }), 400, "BadRequest"),
  },
  {
    title: "answers 400 to an empty body",
    in: seesRequestBody,
    run: async (place) =>
      expectRefused(await place.ask("/echo/v1/completions", { body: "", isChunked: true }), 400, "BadRequest"),
  },
  {
    title: "answers 400 to a body that is no JSON and has trailers",
    in: (mode) => seesRequestBody(mode) && requestMode(mode) !== "BUFFERED_PARTIAL",
    run: async (place) =>
      expectRefused(
        await place.ask("/echo/v1/completions", { body: "{nonsense", trailers: { "x-t": "1" } }),
        400,
        "BadRequest",
      ),
  },
  {
    title: "answers 429 and when to ask again, where bodies hold too much",
    in: seesRequestBody,
    picker: "tight",
    async run(place) {
      const call = await place.ask("/echo/v1/completions", { body: completion(400_000) });
      expectRefused(call, 429, "ResourceExhausted");
      expect(Number(call.answer.headers["retry-after"])).toBeGreaterThan(0);
    },
  },
  {
    title: "answers 408 to a body that does not come in whole in time",
    // Where an override is on offer, nobody knows whether the gateway waits for the client or for the model server.
    in: (mode) => seesRequestBody(mode) && mode.overridden === undefined,
    through: ["override_host"],
    picker: "tight",
    async run(place) {
      const headers = { "content-length": "300" };
      const { message } = place.open("/echo/v1/completions", { method: "POST", headers, isUnfinished: true });
      message.write('{"model":');
      const [response] = (await once(message, "response")) as [IncomingMessage];
      const body = await text(response);
      message.destroy();
      expect({ status: response.statusCode, body }).toEqual({
        status: 408,
        body: expect.stringMatching(/^inference error: RequestTimeout - /),
      });
    },
  },
];
