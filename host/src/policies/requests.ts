import type { PolicyType } from "./policy-type.ts";
import { agentIdentity } from "./requests/agent-identity.ts";
import { servedVerifier } from "./requests/destination-endpoint-served-verifier.ts";
import { requestAttributeReporter } from "./requests/request-attribute-reporter.ts";
import { sessionIdProducer } from "./requests/session-id-producer.ts";

/** Types that look at a request or its response beside the cycle. */
export const requestTypes: readonly PolicyType[] = [
  agentIdentity,
  sessionIdProducer,
  requestAttributeReporter,
  servedVerifier,
];
