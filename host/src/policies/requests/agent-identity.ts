import { agentSessionHeaders } from "@outrider/core";
import { z } from "zod";
import { headerName } from "../common-parameters.ts";
import { type AgentReader, definePolicy } from "../policy-type.ts";

/** `parameters:` of an `agent-identity`. */
const agentIdentityParameters = z.strictObject({
  /** Headers that are asked before those that agents are known to send. */
  additionalSessionHeaders: z.array(headerName).max(32).prefault([]),
});

/** Who sends a request, where that is an agent. */
export const agentIdentity = definePolicy({
  type: "agent-identity",
  about: "Accounts requests without a fairness header to the agent's session that their headers name.",
  parameters: agentIdentityParameters,
  explain: ({ additionalSessionHeaders }) =>
    `accounts requests without a fairness header to the first of ${headersOf(additionalSessionHeaders).join(", ")}`,
  session: ({ additionalSessionHeaders }) =>
    headersOf(additionalSessionHeaders).map((name) => ({ kind: "header", name })),
  agent: ({ additionalSessionHeaders }) => createAgentReader(headersOf(additionalSessionHeaders)),
});

function headersOf(additional: readonly string[]): readonly string[] {
  return [...additional, ...agentSessionHeaders];
}

function createAgentReader(names: readonly string[]): AgentReader {
  return {
    agentOf(header) {
      for (const name of names) {
        const agent = header(name)?.trim() ?? "";
        if (agent !== "") return agent;
      }
      return "";
    },
  };
}
