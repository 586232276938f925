import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "vitest";
import { until } from "../../../clients/poll.ts";
import { completion } from "../bodies.ts";
import type { Case } from "../case.ts";
import { collectsResponse } from "../mode.ts";

const minutes10 = 600_000;

/** Clients that leave; what they leave behind is checked when all cases of a mode have run. */
export const abortCases: readonly Case[] = [
  {
    title: "lets go of a client that leaves in the middle of its upload",
    async run(place) {
      const { message } = place.open("/echo", {
        method: "POST",
        headers: { "content-length": "300000" },
        isUnfinished: true,
      });
      message.write(completion(100_000));
      await until(
        () => place.host.metric("outrider_ext_proc_streams_open"),
        (count) => count > 0,
      );
      await sleep(50);
      message.destroy();
    },
  },
  {
    title: "lets go of a client that leaves while the model server works",
    async run(place) {
      const { id, message } = place.open(`/echo?delayMs=${minutes10}`, { body: completion(100) });
      await place.decision(id);
      message.destroy();
    },
  },
  {
    title: "lets go of a client that leaves in the middle of a stream",
    in: (mode) => !collectsResponse(mode),
    async run(place) {
      const { message } = place.open(`/sse?chunks=2&gapMs=${minutes10}`, { body: completion(100) });
      const [response] = (await once(message, "response")) as [IncomingMessage];
      const [first] = (await once(response, "data")) as [Buffer];
      expect(first.toString()).toMatch(/^data: x/);
      response.on("error", () => {});
      message.destroy();
    },
  },
  {
    title: "lets go of a client that leaves while Envoy collects the response",
    in: collectsResponse,
    async run(place) {
      const { id, message } = place.open(`/sse?chunks=2&gapMs=${minutes10}`, { body: completion(100) });
      await place.decision(id);
      await sleep(50);
      message.destroy();
    },
  },
];
