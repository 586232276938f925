export { rules } from "./catalogue.ts";
export type { Latency } from "./kit/kit.ts";
export type { PluginSubject } from "./kit/plugin-under-test.ts";
export { splitWords } from "./kit/shell-words.ts";
export { toJsonReport } from "./report/json-report.ts";
export { toJunitReport } from "./report/junit-report.ts";
export { countOutcomes, toTextReport } from "./report/text-report.ts";
export { CannotVerify, type Finding, type Level, levels, type Rule, type RuleResult } from "./rule.ts";
export { type VerifyOptions, type VerifyReport, verifyPlugin } from "./verify.ts";
