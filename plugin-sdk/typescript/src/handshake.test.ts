import { readFileSync, writeFileSync } from "node:fs";
import { create, fromJson, type JsonValue, toJson } from "@bufbuild/protobuf";
import { HandshakeRequestSchema, HandshakeResponseSchema } from "@outrider/protos/scorer";
import { expect, it } from "vitest";
import { z } from "zod";
import { defineProducer, defineScorer } from "./define.ts";
import { queueDepth } from "./fixtures/queue-depth.ts";
import { serverOf } from "./fixtures/test-session.ts";

const file = new URL("../fixtures/handshake.golden.json", import.meta.url);

/** Says of itself whatever a definition can say. */
const guarded = defineScorer({
  type: "guarded",
  category: "affinity",
  state: "local",
  maxConcurrency: 3,
  tableTtlMs: 5_000,
  needs: [
    "veto",
    "events.picked",
    { key: "request.prompt_text", maxBytes: 4096, required: true },
    { key: "request.headers", names: ["x-team"] },
    { key: "request.block_hashes", blockSizeTokens: 16 },
  ],
  config: z.strictObject({ share: z.number().min(0).max(1).default(0.5) }),
  create: () => ({ score: () => {} }),
});

const predicted = defineProducer({
  type: "predicted",
  state: "shared",
  needs: ["kv_cache_usage"],
  produces: ["data.predicted_ttft_ms"],
  config: z.strictObject({}),
  create: () => ({ produce: () => {} }),
});

/** The answer that plugins of this SDK give. */
function answer(): JsonValue {
  const server = serverOf([queueDepth, guarded, predicted]);
  const request = create(HandshakeRequestSchema, { host: "outrider", hostInstance: "h" });
  return toJson(HandshakeResponseSchema, server.unary.handshake(request, server));
}

it("answers the handshake as it did when it was released: hosts of today read it then, too", () => {
  if (process.env.UPDATE_GOLDEN) writeFileSync(file, `${JSON.stringify(answer(), undefined, 2)}\n`);
  const golden = JSON.parse(readFileSync(file, "utf8"));
  expect(answer()).toEqual(golden);
  const read = fromJson(HandshakeResponseSchema, golden, { ignoreUnknownFields: false });
  expect(read.scorers.map(({ type }) => type)).toEqual(["queue-depth", "guarded", "predicted"]);
  expect(read.scorers[1]).toMatchObject({ requestIndependent: true, maxConcurrency: 3, needs: { length: 5 } });
});
