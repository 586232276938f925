import { loadConfig } from "@outrider/host";
import { plugins } from "outrider/plugins";
import { describe, expect, it } from "vitest";
import { idleEndpoint, type PoolEndpoint } from "../stream/pool.ts";
import { type ClientRequest, type Decided, decideEach } from "./decide.ts";
import { configsFolder, readRestated, restatedFiles } from "./restated.ts";

const roleLabel = "llm-d.ai/role";

/** An endpoint of a role; an idle one unless its queue is given. */
function endpoint(address: string, labels: Readonly<Record<string, string>> = {}, waiting = 0): PoolEndpoint {
  return { ...idleEndpoint(address, 0, waiting), id: address, labels };
}

const decode = endpoint("10.0.0.1:8001", { [roleLabel]: "decode" });
const busyDecode = endpoint("10.0.0.2:8002", { [roleLabel]: "decode" }, 40);
const prefill = endpoint("10.0.0.3:8003", { [roleLabel]: "prefill" });
const busyPrefill = endpoint("10.0.0.4:8004", { [roleLabel]: "prefill" }, 40);
const encode = endpoint("10.0.0.5:8005", { [roleLabel]: "encode" });
const fleet = [decode, busyDecode, prefill, busyPrefill, encode];
const plain = [endpoint("10.0.1.1:8000", {}, 9), endpoint("10.0.1.2:8000"), endpoint("10.0.1.3:8000", {}, 4)];

const text = "The quick brown fox jumps over the lazy dog. ".repeat(20);
const chat: ClientRequest = { body: { model: "m", messages: [{ role: "user", content: text }] } };
const image = { type: "image_url", image_url: { url: "data:image/png;base64,iVBORw0KGgo=" } };
const withImage: ClientRequest = {
  body: { model: "m", messages: [{ role: "user", content: [{ type: "text", text }, image] }] },
};

/** A session token of an endpoint. */
function toToken(id: string): string {
  return Buffer.from(id).toString("base64");
}

/** A configuration that loads, and what it makes of requests. */
interface Loads {
  readonly title: string;
  readonly file: string;
  readonly pool: readonly PoolEndpoint[];
  readonly requests: readonly ClientRequest[];
  /** Of the last request. */
  readonly want: Partial<Decided>;
  /** Whether all requests go to one endpoint. */
  readonly isSticky?: boolean;
}

const toIdle = { refusedStatus: 0, destinations: ["10.0.1.2:8000"] };
const toDecode = { refusedStatus: 0, destinations: [decode.address] };
const prefilled = { ...toDecode, headers: { "x-prefiller-host-port": prefill.address } };

const loading: readonly Loads[] = [
  {
    title: "sends to the shortest queue",
    file: "reference/chart-default.yaml",
    pool: plain,
    requests: [chat],
    want: toIdle,
  },
  {
    title: "decides while nothing is predicted yet, with a target",
    file: "reference/chart-latency-predictor.yaml",
    pool: [endpoint("10.0.1.2:8000")],
    requests: [{ ...chat, headers: { "x-llm-d-slo-ttft-ms": "200" } }],
    want: toIdle,
  },
  {
    title: "sends to the port that ranks share, and names the rank",
    file: "reference/dp-epp-config.yaml",
    pool: [endpoint("10.0.0.1:8002"), prefill],
    requests: [chat],
    want: {
      refusedStatus: 0,
      destinations: ["10.0.0.1:8000"],
      headers: { "x-data-parallel-host-port": "10.0.0.1:8002" },
    },
  },
  {
    title: "sends what it cannot read to the server that the client's token names",
    file: "reference/chart-payload-agnostic.yaml",
    pool: plain,
    requests: [{ headers: { "x-session-token": toToken("10.0.1.3:8000") }, body: { anything: [1] } }],
    want: { refusedStatus: 0, destinations: ["10.0.1.3:8000"] },
  },
  {
    title: "sends to a server of the decode role",
    file: "reference/epp-config.yaml",
    pool: [prefill, decode, encode],
    requests: [chat],
    want: toDecode,
  },
  {
    title: "prefers the server without a queue",
    file: "reference/epp-estimate-prefix-cache-config.yaml",
    pool: fleet,
    requests: [chat],
    want: toDecode,
  },
  {
    title: "has the prompt computed by a server of the prefill role",
    file: "reference/pd-epp-config.yaml",
    pool: fleet,
    requests: [chat],
    want: prefilled,
  },
  {
    title: "computes a prompt that is cached where it is answered",
    file: "reference/pd-epp-config.yaml",
    pool: fleet,
    requests: [chat, chat],
    want: { ...toDecode, headers: {} },
  },
  {
    title: "lets a request of priority 0 in, however full endpoints are",
    file: "reference/probabilistic-admitter-epp-config.yaml",
    pool: [endpoint("10.0.1.1:8000", {}, 1_000)],
    requests: [chat],
    want: { refusedStatus: 0, destinations: ["10.0.1.1:8000"] },
  },
  {
    title: "has text computed by two servers",
    file: "reference/sim-e-p-d-epp-config.yaml",
    pool: fleet,
    requests: [chat],
    want: prefilled,
  },
  {
    title: "has images encoded by a third one",
    file: "reference/sim-e-p-d-epp-config.yaml",
    pool: fleet,
    requests: [withImage],
    want: { ...toDecode, headers: { ...prefilled.headers, "x-encoder-hosts-ports": encode.address } },
  },
  {
    title: "sends to a server of the decode role",
    file: "reference/sim-epp-config.yaml",
    pool: [prefill, decode],
    requests: [chat],
    want: toDecode,
  },
  {
    title: "has the prompt computed by a server of the prefill role",
    file: "reference/sim-pd-epp-config.yaml",
    pool: fleet,
    requests: [chat],
    want: prefilled,
  },
  {
    title: "sends to the shortest queue",
    file: "older/saturation-and-parser-at-the-top.yaml",
    pool: plain,
    requests: [chat],
    want: toIdle,
  },
  {
    title: "has the prompt computed by a server of the prefill role",
    file: "older/pd-profile-handler.yaml",
    pool: fleet,
    requests: [chat],
    want: prefilled,
  },
  {
    title: "has every prompt computed by a server of the prefill role",
    file: "older/flat-disagg-parameters.yaml",
    pool: fleet,
    requests: [chat],
    want: prefilled,
  },
  {
    title: "sends to a server with both labels",
    file: "older/by-label.yaml",
    pool: [
      endpoint("10.0.2.1:8000", { tier: "gold", region: "us" }),
      endpoint("10.0.2.2:8000", { tier: "silver", region: "eu" }, 9),
      endpoint("10.0.2.3:8000", { tier: "bronze", region: "eu" }),
      endpoint("10.0.2.4:8000", { region: "eu" }),
    ],
    requests: [chat],
    want: { refusedStatus: 0, destinations: ["10.0.2.2:8000"] },
  },
  {
    title: "sends the same prompt to the same server",
    file: "older/tokenizer-and-character-blocks.yaml",
    pool: Array.from({ length: 16 }, (_, i) => endpoint(`10.0.3.${i}:8000`)),
    requests: [chat, chat, chat],
    want: { refusedStatus: 0 },
    isSticky: true,
  },
  {
    title: "takes what runs anyway for listed in a profile",
    file: "older/handler-listed-in-a-profile.yaml",
    pool: [endpoint("10.0.1.1:8000", {}, 3)],
    requests: [chat],
    want: { refusedStatus: 0, destinations: ["10.0.1.1:8000"] },
  },
  {
    title: "makes one profile of every scorer",
    file: "older/nothing-but-types.yaml",
    pool: plain,
    requests: [chat],
    want: toIdle,
  },
];

/** Configurations that do not load: every message that their operator reads stands beside them. */
const refused: readonly string[] = [
  "reference/sim-epp-kvcache-config.yaml",
  "reference/sim-epp-no-hit-lru.yaml",
  "reference/sim-epp-tokenizer-vllm-http-config.yaml",
  "reference/sim-program-aware-config.yaml",
  "older/precise-scorer.yaml",
  "older/prefix-parameters-at-the-scorer.yaml",
  "older/saturation-in-place.yaml",
];

async function load(file: string) {
  const name = file.split("/").at(-1) ?? "";
  return loadConfig({ name, bytes: Buffer.from(readRestated(file)), folder: configsFolder }, plugins);
}

describe("a configuration of the reference EPP", () => {
  for (const { title, file, pool, requests, want, isSticky = false } of loading) {
    it(`${file}: ${title}`, async () => {
      const decided = await decideEach(readRestated(file), pool, requests);
      expect(decided).toHaveLength(requests.length);
      expect(decided.at(-1)).toMatchObject(want);
      if (isSticky) expect(new Set(decided.map(({ destinations }) => destinations[0])).size).toBe(1);
    });
  }

  for (const file of refused) {
    it(`${file}: is refused with what to write instead`, async () => {
      const result = await load(file);
      const faults = result.kind === "invalid" ? result.faults : [];
      const page = faults.map(({ line, path, message, hint }) => `line ${line}, ${path}\n  ${message}\n  ${hint}\n`);
      await expect(page.join("")).toMatchFileSnapshot(`${configsFolder}/${file.replace(".yaml", ".refused.txt")}`);
      expect(faults.filter(({ hint }) => hint === "")).toEqual([]);
    });
  }

  it("is one of these", () => {
    const theirs = restatedFiles.filter((file) => !file.startsWith("ours/"));
    expect([...new Set([...loading.map(({ file }) => file), ...refused])].sort()).toEqual(theirs);
  });
});
