import type { DoneCause } from "@outrider/core";
import type { CompleteRequest } from "@outrider/protos/picker";
import { isIpAddress, parseHostPort } from "../datalayer/address.ts";
import type { ReportedResponse } from "../scheduling/types.ts";
import { type CallFault, fault } from "./errors.ts";

/** What became of a request, as its gateway tells. */
export interface Completion {
  readonly kind: "completion";
  readonly cause: DoneCause;
  readonly response: ReportedResponse;
}

/** Causes that a gateway can know of. */
const causes: readonly string[] = [
  "ok",
  "client_cancelled",
  "upstream_error",
  "never_sent",
  "unknown",
] satisfies DoneCause[];

const maxUint32 = 2 ** 32 - 1;
/** Longest TTFT: plugins are told it in µs, as 32 bits. */
const maxTtftMs = Math.floor(maxUint32 / 1000);
const notTold = { promptTokens: 0, cachedTokens: 0, outputTokens: 0 } as const;

/** The completion that a call tells of, or what is wrong with it. */
export function readCompletion(message: CompleteRequest): Completion | CallFault {
  const { cause, status, served, ttftMs, e2eMs } = message;
  const wrong = checkEnd(message) ?? checkMs("ttft_ms", ttftMs, maxTtftMs) ?? checkMs("e2e_ms", e2eMs, maxUint32);
  if (wrong !== undefined) return wrong;
  const { promptTokens, cachedTokens, outputTokens } = message.usage ?? notTold;
  const usage = { promptTokens, cachedTokens, outputTokens };
  return {
    kind: "completion",
    cause: isCause(cause) ? cause : status > 0 ? "ok" : "unknown",
    response: { status, served: served === "" ? undefined : served, usage, ttftMs, e2eMs },
  };
}

function checkEnd({ decisionId, cause, status, served, usage }: CompleteRequest): CallFault | undefined {
  if (decisionId === "") return fault("decision_id", "must be the one that Pick gave");
  if (cause !== "" && !isCause(cause)) return fault("cause", `must be one of ${causes.join(", ")}`);
  if (status !== 0 && (status < 100 || status > 599)) return fault("status", `${status} is no status of HTTP`);
  if (served !== "" && !isAddress(served)) return fault("served", `"${served.slice(0, 100)}" is no ip:port`);
  if (usage !== undefined && usage.promptTokens > 0 && usage.cachedTokens > usage.promptTokens) {
    return fault("usage.cached_tokens", `${usage.cachedTokens} are more than the prompt's ${usage.promptTokens}`);
  }
  return undefined;
}

function isCause(text: string): text is DoneCause {
  return causes.includes(text);
}

function isAddress(text: string): boolean {
  const address = parseHostPort(text);
  return "host" in address && isIpAddress(address.host);
}

function checkMs(field: string, ms: number, max: number): CallFault | undefined {
  return ms >= 0 && ms <= max ? undefined : fault(field, `${ms} is not in [0, ${max}]`);
}
