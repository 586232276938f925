import { createSessionAffinityFilter, type SessionPinning, toSessionPinning } from "@outrider/core";
import { definePolicy } from "../policy-type.ts";
import { sessionParameters } from "../sessions/session-parameters.ts";

/** A filter by the endpoint that a session had before. */
export const sessionAffinityFilter = definePolicy({
  type: "session-affinity-filter",
  about: "Keeps the endpoint alone that the request's session is pinned to, while it is a candidate; else all.",
  parameters: sessionParameters,
  needs: ({ sessionIdConfig }) => (sessionIdConfig?.maxWaitingRequests === undefined ? [] : ["waiting_requests"]),
  explain: (parameters) => `keeps a session at ${endpointOf(toSessionPinning(parameters))}`,
  filter: (name, { profileName }) => createSessionAffinityFilter(name, profileName),
  pinning: toSessionPinning,
});

function endpointOf(pinning: SessionPinning): string {
  const whose = pinning.profile === "" ? "" : ` of profile ${pinning.profile}`;
  if (pinning.kind === "token") return `the endpoint${whose} that its token in ${pinning.header} names`;
  return `the endpoint${whose} that it had before, by ${pinning.sources.map(({ name }) => name).join(", ")}`;
}
