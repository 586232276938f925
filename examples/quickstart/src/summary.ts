import { styleText } from "node:util";
import type { Progress } from "./progress.ts";
import { percent } from "./screen.ts";

/** The end of a run in words. */
export function toText(progress: Progress, kills: number, reasons: readonly string[]): string {
  const { answered, failed, decisions, p50Ms, p99Ms, hitRate, plugins } = progress;
  const verdict =
    failed === 0
      ? styleText("green", `All ${answered} requests were answered.`)
      : styleText("red", `${failed} requests failed: ${reasons.slice(0, 3).join("; ")}`);
  const missing = plugins.map(({ name, calls }) => ({
    name,
    count: calls.late + calls.failed + calls.abstained + calls.shed,
  }));
  const lines = [
    "",
    verdict,
    `${decisions} decisions, half of them within ${p50Ms.toFixed(2)} ms, 99 % within ${p99Ms.toFixed(2)} ms.`,
    `The model servers found ${percent(hitRate)} of all prompt tokens in their prefix caches.`,
    `${kills} plugin killed, ${totalRestarts(progress)} started again; decided without: ${missing
      .map(({ name, count }) => `${name} ${count}×`)
      .join(", ")}.`,
    "",
    "Try next:",
    "  npm run demo -- --envoy                       the same with a real Envoy in front",
    "  edit examples/quickstart/demo.yaml            other weights, budgets, placements",
    "  edit examples/scorer-python-stdlib/scorer.py  a scorer of your own in fifteen lines",
    "  npx outrider serve --help                     your own model servers",
  ];
  return lines.join("\n");
}

/** The end of a run for scripts: one object on one line. */
export function toJson(progress: Progress, kills: number): string {
  const { sent, failed, decisions, p50Ms, p99Ms, hitRate, endpoints, plugins } = progress;
  const scorers = Object.fromEntries(plugins.map(({ name, calls }) => [name, calls]));
  const restarts = totalRestarts(progress);
  return JSON.stringify({
    requests: sent,
    failed,
    decisions,
    p50Ms,
    p99Ms,
    hitRate,
    endpoints,
    scorers,
    kills,
    restarts,
  });
}

function totalRestarts({ plugins }: Progress): number {
  return plugins.reduce((sum, { restarts }) => sum + restarts, 0);
}
