import { expect } from "vitest";
import { until } from "../../../clients/poll.ts";
import { completion, events } from "../bodies.ts";
import type { Case } from "../case.ts";
import { collectsResponse, responseMode } from "../mode.ts";
import { type Call, type Place, served } from "../place.ts";

async function expectEvents(place: Place, query: string, text: string): Promise<Call> {
  const call = await place.ask(`/sse?${query}`, { body: completion(100) });
  expect({ status: call.answer.status, isCut: call.answer.isCut }, call.answer.body.toString()).toEqual({
    status: 200,
    isCut: false,
  });
  expect(call.answer.body.toString()).toBe(text);
  await place.expectFollowed(call);
  return call;
}

/** Responses of every shape arrive unchanged at the client. */
export const responseCases: readonly Case[] = [
  {
    title: "streams server-sent events one by one",
    in: (mode) => !collectsResponse(mode),
    async run(place) {
      const { answer } = await expectEvents(place, "chunks=5&gapMs=60&bytes=64", events(5, 64));
      expect(answer.pieces).toBeGreaterThan(2);
    },
  },
  {
    title: "gives server-sent events in one piece, as Envoy collects them",
    in: collectsResponse,
    async run(place) {
      const { answer } = await expectEvents(place, "chunks=5&gapMs=60&bytes=64", events(5, 64));
      expect(answer.pieces).toBe(1);
    },
  },
  {
    title: "carries a response of 400 kB in 100 chunks",
    run: async (place) => void (await expectEvents(place, "chunks=100&bytes=4000", events(100, 4000))),
  },
  {
    title: "carries a response of 4 MB",
    in: (mode) => responseMode(mode) !== "BUFFERED",
    through: ["override_host"],
    run: async (place) => void (await expectEvents(place, "chunks=100&bytes=40000", events(100, 40_000))),
  },
  {
    title: "leaves Envoy's own 500 to a response of 4 MB as it is, which does not fit its buffer",
    in: (mode) => responseMode(mode) === "BUFFERED",
    through: ["override_host"],
    async run(place) {
      const { answer } = await place.ask("/sse?chunks=100&bytes=40000", { body: completion(100) });
      expect(answer.status).toBe(500);
      await until(
        () => place.log(),
        (log) => log.includes("response_payload_too_large"),
      );
    },
  },
  {
    title: "carries response trailers",
    async run(place) {
      const { answer } = await place.ask("/echo?trailers=1", { body: completion(100) });
      const { sha256 } = JSON.parse(answer.body.toString()) as { readonly sha256: string };
      expect(answer.trailers).toEqual({ "x-echo-trailer": sha256 });
    },
  },
  {
    title: "carries the trailers of a stream",
    async run(place) {
      const { answer } = await expectEvents(place, "chunks=3&bytes=64&trailers=1", events(3, 64));
      expect(answer.trailers).toEqual({ "x-events": "3" });
    },
  },
  {
    title: "carries the model server's own error",
    async run(place) {
      const call = await place.ask("/echo?status=500", { body: completion(100) });
      expect(call.answer.status).toBe(500);
      expect(JSON.parse(call.answer.body.toString())).toMatchObject({ method: "POST" });
      await place.expectFollowed(call);
    },
  },
  {
    title: "tells the client when the model server resets in the middle of a stream",
    in: (mode) => !collectsResponse(mode),
    async run(place) {
      const { answer } = await place.ask("/sse?chunks=9&gapMs=30&resetAfter=3", { body: completion(100) });
      expect({ status: answer.status, isCut: answer.isCut }).toEqual({ status: 200, isCut: true });
    },
  },
  {
    title: "tells the client by a status when the model server resets while Envoy collects",
    in: collectsResponse,
    async run(place) {
      const { answer } = await place.ask("/sse?chunks=9&gapMs=30&resetAfter=3", { body: completion(100) });
      expect({ status: answer.status, isCut: answer.isCut }).toEqual({ status: 502, isCut: false });
    },
  },
  {
    title: "passes on Envoy's 503 where the pick refuses connections",
    through: ["original_dst"],
    picker: "lost",
    async run(place) {
      const { answer } = await place.ask("/echo", { body: completion(100) });
      expect(answer.status).toBe(503);
    },
  },
  {
    title: "counts what the gateway sent elsewhere, where the pick refuses connections",
    through: ["override_host"],
    picker: "lost",
    async run(place) {
      const before = await place.host.metric(served("elsewhere"));
      const { answer } = await place.ask("/echo", { body: completion(100) });
      expect(answer.status).toBe(200);
      await until(
        () => place.host.metric(served("elsewhere")),
        (count) => count === before + 1,
      );
    },
  },
  {
    title: "has the endpoints of a list tried in order",
    through: ["override_host"],
    picker: "listing",
    async run(place) {
      const before = await place.host.metric(served("fallback"));
      const { id, answer } = await place.ask("/echo?status=503", { body: completion(100) });
      const { destinations } = await place.decision(id);
      expect({ status: answer.status, tried: destinations.length }).toEqual({ status: 503, tried: 3 });
      expect(answer.headers["x-served-by"]).toBe(destinations[2]);
      await until(
        () => place.host.metric(served("fallback")),
        (count) => count === before + 1,
      );
    },
  },
];
