import type { Rule } from "./rule.ts";
import { accessRules } from "./rules/access-rules.ts";
import { answerRules } from "./rules/answer-rules.ts";
import { batchRules } from "./rules/batch-rules.ts";
import { configureRules } from "./rules/configure-rules.ts";
import { endingRules } from "./rules/ending-rules.ts";
import { eventRules } from "./rules/event-rules.ts";
import { handshakeRules } from "./rules/handshake-rules.ts";
import { latencyRules } from "./rules/latency-rules.ts";
import { processRules } from "./rules/process-rules.ts";
import { stateRules } from "./rules/state-rules.ts";
import { unaryRules } from "./rules/unary-rules.ts";
import { walkRules } from "./rules/walk-rules.ts";

/** The duties of a plugin, in the order of their ids. An id that was published is never used for another duty. */
export const rules: readonly Rule[] = [
  ...processRules,
  ...accessRules,
  ...handshakeRules,
  ...configureRules,
  ...answerRules,
  ...batchRules,
  ...stateRules,
  ...walkRules,
  ...eventRules,
  ...endingRules,
  ...unaryRules,
  ...latencyRules,
].sort((a, b) => Number(a.id.slice(1)) - Number(b.id.slice(1)));
