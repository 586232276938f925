import type { NeedKey } from "@outrider/core";
import type { ResponsesMode } from "../scheduling/observation.ts";
import type { ResolvedPlugin } from "./check-plugins.ts";
import type { Reporter } from "./reporter.ts";

/** What plugins do not get of responses that are observed in part or not at all. */
const missing: Readonly<Record<ResponsesMode, readonly NeedKey[]>> = {
  auto: [],
  full: [],
  headers: ["events.progress", "events.done", "events.answer_blocks"],
  none: ["events.headers", "events.progress", "events.done", "events.answer_blocks"],
};

/** Warns of what `responses:` takes from plugins, as far as it is known what they ask for, and asks of the gateway. */
export function checkResponses(mode: ResponsesMode, plugins: readonly ResolvedPlugin[], report: Reporter): void {
  if (mode === "headers") {
    const why = "needs a gateway whose response body mode is NONE: another one sends bodies all the same";
    report.warn(["responses"], why, "set that mode at the gateway, or write responses: none");
  }
  for (const { spec, asks = [] } of plugins) {
    const keys = new Set([...asks, ...spec.grant].map(({ key }) => key));
    for (const key of missing[mode]) {
      if (keys.has(key))
        report.warn(["responses"], `${spec.name} asks for ${key}, ${loss(key)}`, "write responses: auto");
    }
  }
}

function loss(key: NeedKey): string {
  return key === "events.done" ? "which will not tell how requests ended" : "which it will not get";
}
