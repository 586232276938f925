import { createHealthServer, type HealthState } from "@outrider/host";
import type { Fields } from "../fields.ts";
import { checkHealth } from "../host/health-client.ts";
import { byShape } from "../shapes.ts";
import { fromFault, NotApplicable } from "../verdict.ts";

/** What the health port answers in each state of the process; asked over gRPC. */
export const health = byShape([
  {
    given: [
      ...["service", "leader_election?", "is_leader?", "draining?", "synced?", "plugin_readiness?"],
      ...["pool_app_protocol?", "parser_protocols?"],
    ],
    want: ["status"],
    async run(given, want) {
      refuseProtocols(given);
      const found = await statusOf(given.string("service"), toState(given));
      return fromFault(found === want.string("status") ? undefined : `answers ${found}`);
    },
  },
]);

/** Only a pool that names a protocol and parsers that name theirs can disagree. */
function refuseProtocols(given: Fields): void {
  const names = given.has("pool_app_protocol") && given.string("pool_app_protocol") !== "";
  if (names && given.list("parser_protocols").length > 0)
    throw new NotApplicable("kubernetes", "the protocol that a pool names for its model servers");
}

/** Ready is the datastore's sync and every plugin that has to be ready. */
function toState(given: Fields): HealthState {
  const plugins = given.texts("plugin_readiness").every((readiness) => readiness === "ready");
  return {
    ready: given.boolean("synced", true) && plugins,
    leader: given.boolean("leader_election", false) ? given.boolean("is_leader", false) : undefined,
    draining: given.boolean("draining", false),
  };
}

async function statusOf(service: string, state: HealthState): Promise<string> {
  const server = createHealthServer(() => state);
  try {
    const { port } = await server.listen("127.0.0.1", 0);
    return await checkHealth(`127.0.0.1:${port}`, service);
  } finally {
    await server.close();
  }
}
