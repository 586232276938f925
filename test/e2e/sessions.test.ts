import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Envoy } from "@outrider/example-envoy";
import { type Fleet, spawnFleet } from "@outrider/fleet";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { envoyMissing, startEnvoyFor } from "../clients/envoy.ts";
import { type Answer, exchange } from "../clients/exchange.ts";
import { type Host, startHost } from "../clients/host.ts";
import { until } from "../clients/poll.ts";
import { writeEndpoints } from "../soak/endpoints-file.ts";

/** A configuration that sends anywhere by chance, but for sessions. */
function configure(parameters: object): string {
  return JSON.stringify({
    apiVersion: "outrider.dev/v1alpha1",
    kind: "EndpointPickerConfig",
    plugins: [{ name: "session", type: "session-affinity-filter", parameters }, { type: "random-picker" }],
    schedulingProfiles: [{ name: "default", plugins: [{ pluginRef: "session" }, { pluginRef: "random-picker" }] }],
  });
}

/** One conversation with the model servers. */
interface Conversation {
  /** Says the next turn. */
  turn(): Promise<Answer>;
}

const ways = [
  {
    title: "by token",
    parameters: {},
    /** The client sends back the token of the last answer. */
    headersOf: (_: string, last: Answer | undefined) => ({
      "x-session-token": String(last?.headers["x-session-token"] ?? ""),
    }),
  },
  {
    title: "by id",
    parameters: { strategy: "session_id", sessionIdConfig: { sources: [{ header: "x-session-id" }] } },
    headersOf: (id: string) => ({ "x-session-id": id }),
  },
];

for (const { title, parameters, headersOf } of ways) {
  const suite = describe.skipIf(envoyMissing !== undefined);
  suite(`a session ${title} through a real Envoy${envoyMissing ? ` (${envoyMissing})` : ""}`, () => {
    const folder = mkdtempSync(join(tmpdir(), "outrider-sessions-"));
    const file = join(folder, "endpoints.yaml");
    let fleet: Fleet;
    let host: Host;
    let envoy: Envoy;
    beforeAll(async () => {
      fleet = await spawnFleet({ servers: 4, timeScale: 0.01, models: ["*"] });
      writeEndpoints(file, fleet.endpoints);
      const args = ["--no-warmup", `--endpoints-file=${file}`];
      host = await startHost({ endpoints: [], config: configure(parameters), args });
      envoy = await startEnvoyFor(host, fleet.endpoints);
    });
    afterAll(async () => {
      await envoy?.stop();
      await host?.stop();
      await fleet?.stop();
      rmSync(folder, { recursive: true, force: true });
    });

    function converse(id: string): Conversation {
      const messages: { readonly role: string; readonly content: string }[] = [];
      let last: Answer | undefined;
      return {
        async turn() {
          messages.push({ role: "user", content: `${id} says something, for the ${messages.length}th time` });
          const body = JSON.stringify({ model: "m", messages, max_tokens: 2 });
          last = await exchange(`${envoy.overrideHost}/v1/chat/completions`, { body, headers: headersOf(id, last) });
          messages.push({ role: "assistant", content: last.body.toString().slice(0, 40) });
          return last;
        },
      };
    }

    /** Servers that answer the next turns, each of which has to be answered well. */
    async function serversOf(conversation: Conversation, turns: number): Promise<ReadonlySet<unknown>> {
      const servers = new Set<unknown>();
      for (let i = 0; i < turns; i++) {
        const { status, headers } = await conversation.turn();
        expect(status).toBe(200);
        servers.add(headers["x-served-by"]);
      }
      return servers;
    }

    it("stays on its endpoint over its turns, wherever others are", async () => {
      const conversations = ["a", "b", "c", "d", "e", "f"].map(converse);
      const homes = await Promise.all(conversations.map((each) => serversOf(each, 8)));
      expect(homes.map(({ size }) => size)).toEqual(homes.map(() => 1));
      expect(new Set(homes.flatMap((servers) => [...servers])).size).toBeGreaterThan(1);
    });

    it("migrates when its endpoint leaves, and stays where it went when that comes back", async () => {
      const conversation = converse("traveller");
      const [first] = await serversOf(conversation, 3);
      writeEndpoints(
        file,
        fleet.endpoints.filter((endpoint) => endpoint !== first),
      );
      const moved = await until(
        async () => (await conversation.turn()).headers["x-served-by"],
        (server) => server !== first,
      );
      expect(moved).not.toBe(first);
      writeEndpoints(file, fleet.endpoints);
      await until(
        () => host.metric('outrider_endpoints{state="ready"}'),
        (count) => count === fleet.endpoints.length,
      );
      expect(await serversOf(conversation, 8)).toEqual(new Set([moved]));
    });

    it("goes on with ids and tokens that are forged, too long or not UTF-8", async () => {
      const forged = ["%%%", "\u00ff\u00fe", "x".repeat(10_000), Buffer.from("server-1").toString("base64")];
      for (const value of forged) {
        const body = JSON.stringify({ model: "m", prompt: "x", max_tokens: 1 });
        const headers = { "x-session-token": value, "x-session-id": value };
        const { status } = await exchange(`${envoy.overrideHost}/v1/completions`, { body, headers });
        expect(status).toBe(200);
      }
      expect(host.log()).not.toContain("a decision failed");
    });
  });
}
