import { keyBlockTokens, type LabRequest, type Scenario } from "@outrider/lab/contract";
import { parseEngineShape } from "@outrider/lab/engine";

/** Shape of the workload: groups of users that share a long prefix, as in the published runs of Qwen3-32B. */
const shape = { groups: 150, usersPerGroup: 5, prefixTokens: 6_000, questionTokens: 1_200, outputTokens: 100 } as const;
/** Requests a second for each server: about what it can do with half of all prompts cached. */
const ratePerServer = 2.5;

/** Where the plugins of a configuration run. */
export type Placements = Readonly<Record<string, "inline" | "worker" | "process">>;

/** A scenario of so many requests over so many servers, with prefix, load, targets and sessions in the decision. */
export function benchScenario(requests: number, servers: number, placements: Placements = {}): Scenario {
  const engine = parseEngineShape("qwen3-32b:h100:2");
  return {
    name: "bench",
    seed: 7,
    servers: Array.from({ length: servers }, (_, i) => ({
      name: `server-${i}`,
      engine,
      labels: {},
      adapters: [],
      maxAdapters: 0,
      slowdown: 1,
    })),
    events: [],
    configName: "bench.yaml",
    configText: toConfig(placements),
    configFolder: process.cwd(),
    workload: { open: (seed) => arrivals(seed, requests, servers * ratePerServer) },
    durationMs: Number.POSITIVE_INFINITY,
    scrapeIntervalMs: 50,
    stalenessMs: 0,
    overheadMs: 60,
    clientTimeoutMs: Number.POSITIVE_INFINITY,
    kvTransferUsPerToken: 0,
    warmUpMs: 0,
    disturbances: {},
  };
}

function toConfig(placements: Placements): string {
  const types = ["prefix-cache", "load", "slo", "session-affinity", "predicted-latency-producer"];
  const plugins = types.map((type) => {
    const placement = placements[type] ?? "inline";
    const grant = type === "prefix-cache" && placement !== "inline" ? ", grant: [request.block_hashes]" : "";
    return `  - { type: ${type}, placement: ${placement}${grant} }`;
  });
  return `apiVersion: llm-d.ai/v1alpha1
kind: EndpointPickerConfig
plugins:
${plugins.join("\n")}
schedulingProfiles:
  - name: default
    plugins:
      - { pluginRef: prefix-cache, weight: 3 }
      - { pluginRef: load, weight: 2 }
      - { pluginRef: slo, weight: 1 }
      - { pluginRef: session-affinity, weight: 1 }
`;
}

async function* arrivals(seed: number, requests: number, ratePerS: number) {
  let state = seed;
  const next = (below: number) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state % below;
  };
  const users = shape.groups * shape.usersPerGroup;
  for (let i = 0; i < requests; i++) {
    const request = toRequest(i, next(users));
    yield [{ atMs: (i * 1000) / ratePerS, request }];
  }
}

function toRequest(number: number, user: number): LabRequest {
  const { usersPerGroup, prefixTokens, questionTokens, outputTokens } = shape;
  const group = Math.floor(user / usersPerGroup);
  const promptTokens = prefixTokens + questionTokens;
  const blocks = Math.floor((promptTokens + outputTokens) / keyBlockTokens);
  const sharedBlocks = Math.floor(prefixTokens / keyBlockTokens);
  const keyOf = (block: number) => (block < sharedBlocks ? group : 1_000_000 + number) * 1_000 + block;
  return {
    model: "qwen3-32b",
    promptTokens,
    outputTokens,
    blockKeys: Float64Array.from({ length: blocks }, (_, block) => keyOf(block)),
    sessionKey: `user-${user}`,
    headers: {},
    sloTtftMs: 1_000,
    sloTpotMs: 50,
    part: "shared",
    abortAfterMs: 0,
  };
}
