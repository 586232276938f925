import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Envoy } from "@outrider/example-envoy";
import { type Fleet, type FleetOptions, type ServerStats, spawnFleet } from "@outrider/fleet";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { envoyMissing, startEnvoyFor } from "../clients/envoy.ts";
import { exchange } from "../clients/exchange.ts";
import { type Host, startHost } from "../clients/host.ts";
import { until } from "../clients/poll.ts";
import { runTraffic } from "../clients/traffic.ts";

/** Servers, a host that finds them by a file, and an Envoy in front. */
interface Stage {
  readonly fleet: Fleet;
  readonly host: Host;
  readonly envoy: Envoy;
  readonly endpointsFile: string;
  /** What each server counted since the last call. */
  counted(): Promise<readonly ServerStats[]>;
  /** Sends a chat, or something else, and wants 200. @returns who answered. */
  ask(body: object, headers?: Readonly<Record<string, string>>): Promise<string>;
}

const profile = (name: string, ...more: readonly string[]) =>
  `- { name: ${name}, plugins: [${[`${name}-filter`, ...more].map((ref) => `{ pluginRef: ${ref} }`).join(", ")}] }`;
const typesOf = (...types: readonly string[]) => types.map((type) => `- type: ${type}`).join("\n");

/** A configuration in the reference's form that takes its endpoints from a file. */
const configOf = (endpointsFile: string, plugins: string, profiles: string) => `apiVersion: llm-d.ai/v1alpha1
kind: EndpointPickerConfig
plugins:
- { type: file-discovery, parameters: { path: ${endpointsFile}, watchFile: true } }
${plugins}
schedulingProfiles:
${profiles}
dataLayer:
  discovery: { pluginRef: file-discovery }
`;

const open: (() => Promise<unknown>)[] = [];

async function start(
  options: FleetOptions,
  configure: (fleet: Fleet) => readonly [plugins: string, profiles: string],
): Promise<Stage> {
  const folder = mkdtempSync(join(tmpdir(), "outrider-stages-"));
  open.push(async () => rmSync(folder, { recursive: true }));
  const endpointsFile = join(folder, "pool.json");
  const fleet = await spawnFleet({ timeScale: 0.01, models: ["*"], ...options, endpointsFile });
  open.push(() => fleet.stop());
  const config = configOf(endpointsFile, ...configure(fleet));
  const host = await startHost({ endpoints: [], config, args: ["--no-warmup"] });
  open.push(() => host.stop());
  const envoy = await startEnvoyFor(host, fleet.endpoints);
  open.push(() => envoy.stop());
  let before = (await fleet.stats()).servers;
  return {
    fleet,
    host,
    envoy,
    endpointsFile,
    async counted() {
      const { servers } = await fleet.stats();
      const since = servers.map((server, i) => difference(server, before[i]!));
      before = servers;
      return since;
    },
    async ask(body, headers = {}) {
      const sent = { body: JSON.stringify({ model: "m", max_tokens: 4, ...body }), headers };
      const answer = await exchange(`${envoy.originalDst}/v1/chat/completions`, sent);
      expect(`${answer.status} ${answer.body.toString().slice(0, 300)}`).toMatch(/^200 /);
      return String(answer.headers["x-served-by"]);
    },
  };
}

function difference(now: ServerStats, before: ServerStats): ServerStats {
  const numbers = Object.entries(now).map(([name, value]) =>
    typeof value === "number" ? [name, value - Number(before[name as keyof ServerStats])] : [name, value],
  );
  return Object.fromEntries(numbers) as unknown as ServerStats;
}

/** Ends all that a suite has started, the last first. */
async function endAll(): Promise<void> {
  for (const end of open.splice(0).reverse()) await end();
}

const sum = (servers: readonly ServerStats[], name: keyof ServerStats, role?: string) =>
  servers
    .filter((server) => role === undefined || server.role === role)
    .reduce((all, server) => all + Number(server[name]), 0);
const say = (text: string) => ({ messages: [{ role: "user", content: text }] });
const longPrompt = (about: string) => `Tell me all there is to know about ${about}. `.repeat(100);
const image = { type: "image_url", image_url: { url: "data:image/png;base64,iVBORw0KGgo=" } };
const withImage = { messages: [{ role: "user", content: [{ type: "text", text: "What is it?" }, image] }] };
const clientHeaders = {
  "x-prefiller-host-port": "127.0.0.1:1",
  "x-encoder-hosts-ports": "127.0.0.1:1",
  "x-data-parallel-host-port": "127.0.0.1:1",
};

describe.skipIf(envoyMissing !== undefined)(`through a real Envoy${envoyMissing ? ` (${envoyMissing})` : ""}`, () => {
  describe("prefill and decode apart, always", () => {
    let stage: Stage;
    beforeAll(async () => {
      stage = await start({ servers: 4, roles: ["prefill", "decode"] }, () => [
        `${typesOf("queue-scorer", "prefill-filter", "decode-filter", "always-disagg-pd-decider")}
- { type: disagg-profile-handler, parameters: { deciders: { prefill: always-disagg-pd-decider } } }`,
        `${profile("prefill", "queue-scorer")}\n${profile("decode", "queue-scorer")}`,
      ]);
    });
    afterAll(endAll);

    it("have every prompt computed by a prefill server, and answered by a decode server", async () => {
      const decoders = stage.fleet.endpoints.filter((_, i) => stage.fleet.roles[i] === "decode");
      for (let i = 0; i < 20; i++) expect(decoders).toContain(await stage.ask(say(`question ${i}`)));
      const servers = await stage.counted();
      expect([sum(servers, "prefills", "prefill"), sum(servers, "prefilled", "decode")]).toEqual([20, 20]);
      expect([sum(servers, "completed", "prefill"), sum(servers, "completed", "decode")]).toEqual([20, 20]);
      expect(sum(servers, "misrouted")).toBe(0);
    });

    it("let no client name the servers that do their part", async () => {
      const decider = await stage.ask(say("whoever I want"), clientHeaders);
      expect(stage.fleet.endpoints).toContain(decider);
      const servers = await stage.counted();
      expect([sum(servers, "prefills"), sum(servers, "misrouted"), sum(servers, "peerFailures")]).toEqual([1, 0, 0]);
      const echo = await exchange(`${stage.envoy.originalDst}/echo`, { headers: clientHeaders });
      const { headers } = JSON.parse(echo.body.toString()) as { headers: Record<string, string> };
      expect(headers["x-encoder-hosts-ports"]).toBeUndefined();
      expect(Object.values(headers)).not.toContain("127.0.0.1:1");
    });

    it("fail no request when the last prefill server leaves the pool: decode servers then do all", async () => {
      const all = readFileSync(stage.endpointsFile, "utf8");
      const { endpoints } = JSON.parse(all) as { endpoints: { labels?: Record<string, string> }[] };
      const rest = endpoints.filter(({ labels }) => labels?.["llm-d.ai/role"] !== "prefill");
      const traffic = runTraffic({ door: stage.envoy.originalDst, ratePerS: 100, count: 500 });
      await until(
        async () => sum((await stage.fleet.stats()).servers, "prefills"),
        (count) => count > 100,
      );
      writeFileSync(stage.endpointsFile, JSON.stringify({ endpoints: rest }));
      const { answered, failures } = await traffic;
      expect({ answered, failures }).toEqual({ answered: 500, failures: {} });
      await stage.counted();
      for (let i = 0; i < 5; i++) await stage.ask(say(`alone ${i}`));
      const servers = await stage.counted();
      expect([sum(servers, "prefills"), sum(servers, "completed", "decode")]).toEqual([0, 5]);
      expect(sum(servers, "prefilled")).toBe(0);
    });
  });

  describe("prefill apart where it is worth it", () => {
    let stage: Stage;
    beforeAll(async () => {
      stage = await start({ servers: 4, roles: ["prefill", "decode", "decode", "decode"] }, () => [
        `${typesOf("prefix-cache-scorer", "queue-scorer", "prefill-filter", "decode-filter", "max-score-picker")}
- { type: approx-prefix-cache-producer, parameters: { blockSizeTokens: 16, autoTune: false } }
- { type: prefix-based-pd-decider, parameters: { nonCachedTokens: 64 } }
- { type: disagg-profile-handler, parameters: { deciders: { prefill: prefix-based-pd-decider } } }`,
        `${profile("prefill", "max-score-picker", "prefix-cache-scorer")}
${profile("decode", "max-score-picker", "prefix-cache-scorer")}`,
      ]);
    });
    afterAll(endAll);
    afterEach(async () => expect(sum((await stage.fleet.stats()).servers, "misrouted")).toBe(0));

    const prefillsOf = async (body: object) => {
      const who = await stage.ask(body);
      return { who, prefills: sum(await stage.counted(), "prefills") };
    };

    it("leaves a short prompt to the decode server", async () => {
      expect(await prefillsOf(say("hi"))).toMatchObject({ prefills: 0 });
    });

    it("has a long prompt computed apart the first time, and not again where it is cached", async () => {
      const first = await prefillsOf(say(longPrompt("salt")));
      expect(first.prefills).toBe(1);
      expect(await prefillsOf(say(longPrompt("salt")))).toEqual({ who: first.who, prefills: 0 });
    });

    it("has the new part of a conversation computed apart where that alone is long", async () => {
      const turn = (...turns: readonly string[]) => ({ messages: turns.map((content) => ({ role: "user", content })) });
      await prefillsOf(turn(longPrompt("ships")));
      expect(await prefillsOf(turn(longPrompt("ships"), "And?"))).toMatchObject({ prefills: 0 });
      expect(await prefillsOf(turn(longPrompt("ships"), longPrompt("sails")))).toMatchObject({ prefills: 1 });
    });
  });

  describe("prefill before decode", () => {
    let stage: Stage;
    beforeAll(async () => {
      stage = await start({ servers: 3, roles: ["prefill", "decode", "decode"] }, () => [
        `${typesOf("queue-scorer", "prefill-filter", "decode-filter")}
- { type: disagg-profile-handler, parameters: { stageOrder: prefill-first } }`,
        `${profile("prefill", "queue-scorer")}\n${profile("decode", "queue-scorer")}`,
      ]);
    });
    afterAll(endAll);

    it("has every prompt computed apart, and the answer from a decode server", async () => {
      for (let i = 0; i < 10; i++) {
        const who = await stage.ask(say(`question ${i}`));
        expect(stage.fleet.roles[stage.fleet.endpoints.indexOf(who)]).toBe("decode");
      }
      const servers = await stage.counted();
      expect([sum(servers, "prefills", "prefill"), sum(servers, "prefilled", "decode")]).toEqual([10, 10]);
      expect(sum(servers, "misrouted")).toBe(0);
    });
  });

  describe("encode, prefill and decode apart", () => {
    let stage: Stage;
    beforeAll(async () => {
      stage = await start({ servers: 3, roles: ["encode", "prefill", "decode"] }, () => [
        `${typesOf("queue-scorer", "encode-filter", "prefill-filter", "decode-filter", "always-disagg-multimodal-decider")}
- type: always-disagg-pd-decider
- type: disagg-profile-handler
  parameters: { deciders: { encode: always-disagg-multimodal-decider, prefill: always-disagg-pd-decider } }`,
        `${profile("encode")}\n${profile("prefill", "queue-scorer")}\n${profile("decode", "queue-scorer")}`,
      ]);
    });
    afterAll(endAll);

    it("has an image encoded, its prompt computed and the answer given by three servers", async () => {
      const who = await stage.ask(withImage);
      expect(who).toBe(stage.fleet.endpoints[2]);
      expect(await stage.counted()).toMatchObject([
        { role: "encode", encodes: 1, completed: 1, misrouted: 0 },
        { role: "prefill", prefills: 1, completed: 1, misrouted: 0 },
        { role: "decode", encoded: 1, prefilled: 1, completed: 1, misrouted: 0 },
      ]);
    });

    it("has nothing encoded where there is only text", async () => {
      await stage.ask(say("what is it?"));
      expect(await stage.counted()).toMatchObject([
        { encodes: 0, requests: 0 },
        { prefills: 1 },
        { encoded: 0, prefilled: 1 },
      ]);
    });
  });

  describe("data-parallel ranks", () => {
    let stage: Stage;
    beforeAll(async () => {
      const portOf = ({ endpoints }: Fleet) => endpoints[0]!.split(":")[1];
      stage = await start({ servers: 2, ranks: 3 }, (fleet) => [
        `${typesOf("decode-filter", "random-picker")}
- { type: data-parallel-profile-handler, parameters: { primaryPort: ${portOf(fleet)} } }`,
        profile("decode", "random-picker"),
      ]);
    });
    afterAll(endAll);

    it("each answer what they are picked for, through the port of the first", async () => {
      const { fleet, envoy } = stage;
      for (let i = 0; i < 60; i++) await stage.ask(say(`question ${i}`), clientHeaders);
      const servers = await stage.counted();
      for (const { endpoint, completed } of servers) expect(`${endpoint} ${completed}`).not.toMatch(/ 0$/);
      expect(sum(servers, "completed")).toBe(60);
      expect([sum(servers, "misrouted"), sum(servers, "peerFailures")]).toEqual([0, 0]);
      const primaries = servers.filter((_, i) => i % 3 === 0);
      expect(sum(primaries, "forwarded") + sum(primaries, "completed")).toBe(60);
      await until(
        () =>
          envoy
            .output()
            .split("\n")
            .filter((line) => line.startsWith("POST ")).length,
        (lines) => lines >= 60,
      );
      const ports = new Set([...envoy.output().matchAll(/ upstream=(\S+) /g)].map(([, upstream]) => upstream));
      expect(ports).toEqual(new Set([fleet.endpoints[0], fleet.endpoints[3]]));
    });
  });
});
