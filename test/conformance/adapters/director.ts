import type { Adapter } from "../adapter.ts";
import type { Fields } from "../fields.ts";
import { choose } from "../host/candidates.ts";
import type { PluginEntry } from "../host/config-text.ts";
import { decideFacts, defaultFlow } from "../host/facts.ts";
import { poolOf, sendRequest } from "../host/send-request.ts";
import { byShape, type Shape } from "../shapes.ts";
import { idleEndpoint } from "../stream/pool.ts";
import { fail, fromFault, notApplicable, pass, type Verdict } from "../verdict.ts";
import { conditionalShapes } from "./director/conditional-decode.ts";
import { responseShapes } from "./director/responses.ts";
import { rewriteShapes } from "./director/rewrites.ts";
import { anyAddress, routeShapes } from "./director/routes.ts";
import { screenerShapes } from "./director/screeners.ts";
import { sessionTokenShapes } from "./director/session-tokens.ts";

/** Fields that a row has only when it is about the reference's insides, with what has no counterpart. */
const insides: Readonly<Record<string, string>> = {
  plugin: "nothing stands between a decision and its request but what the decision says",
  plugin_error: "nothing stands between a decision and its request but what the decision says",
  plugin_errors: "nothing stands between a decision and its request but what the decision says",
  scheduler: "a scheduler refuses with a code and never with a bare error, and always says something",
};

/** Header by which one of the agents that are known names its session. */
const agentHeader = "x-claude-code-session-id";

const shapes: readonly Shape[] = [
  {
    given: ["pods"],
    want: ["endpoint"],
    async run(given, want) {
      const count = given.number("pods");
      const pool = Array.from({ length: count }, (_, i) => idleEndpoint(`192.168.1.${i + 1}:8000`, i));
      const { pick } = await choose(pool);
      const known = pool.some(({ address }) => address === pick);
      return (want.string("endpoint") === "none") === (pick === undefined) && (known || count === 0)
        ? pass()
        : fail(`picks ${pick}`);
    },
  },
  { given: ["headers?", "agent_identity_attribute?"], want: ["fairness_id"], run: compareFairness },
  {
    given: ["plugins"],
    want: ["error", "invoked?"],
    async run(given) {
      if (given.values.plugins !== 0) return notApplicable("upstream internals", insides.plugin);
      const request = { body: { model: "m", prompt: "p" } };
      const { refusedCode } = await sendRequest(request, { pool: poolOf([anyAddress]) });
      return fromFault(refusedCode && `refused with ${refusedCode}`);
    },
  },
  {
    given: ["plugins"],
    want: ["invoked?", "error_wraps?", "error_text_contains?"],
    run: () => notApplicable("upstream internals", insides.plugin),
  },
  ...routeShapes,
  ...rewriteShapes,
  ...conditionalShapes,
  ...screenerShapes,
  ...responseShapes,
  ...sessionTokenShapes,
];

/** The order of steps a request goes through. */
export const director: Adapter = (testCase, context) => {
  const given = Object.keys(testCase.fields.object("given").values);
  const inside = given.find((name) => Object.hasOwn(insides, name));
  return inside === undefined
    ? byShape(shapes)(testCase, context)
    : notApplicable("upstream internals", insides[inside]);
};

/** An agent's identity comes from a header that agents send. */
async function compareFairness(given: Fields, want: Fields): Promise<Verdict> {
  const agent = given.has("agent_identity_attribute") ? given.string("agent_identity_attribute") : undefined;
  const plugins: readonly PluginEntry[] = agent === undefined ? [] : [{ type: "agent-identity" }];
  const headers = { ...given.strings("headers"), ...(agent === undefined ? {} : { [agentHeader]: agent }) };
  const fairnessId = (await decideFacts(headers, plugins)).fairnessId || defaultFlow;
  return fromFault(fairnessId === want.string("fairness_id") ? undefined : `it is "${fairnessId}"`);
}
