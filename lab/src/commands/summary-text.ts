import { formatDuration } from "@outrider/host";
import { toTable } from "@outrider/host/commands/text-table";
import type { Scenario } from "../contract/index.ts";
import type { Distribution, Measures, RunSummary } from "../results/index.ts";

/** A summary as people read it on a terminal; what nothing was counted for is left out. Ends with a line break. */
export function summaryText(summary: RunSummary, { clientTimeoutMs }: Pick<Scenario, "clientTimeoutMs">): string {
  const { scenario, all, cutShort, parts } = summary;
  const names = Object.keys(parts);
  return [
    `${scenario.name}: ${scenario.configName}, ${scenario.servers.join(" + ")}, seed ${scenario.seed}\n`,
    cutShort === null ? "" : `PARTIAL: ${cutShort}; ${summary.ended} of ${summary.sent} requests had ended\n`,
    `${requestsLine(summary, clientTimeoutMs)}\n`,
    `\n${timesTable(all)}`,
    `\n${toTable(["figure", ""], figuresOf(summary))}`,
    names.length > 1 ? `\n${partsTable(parts)}` : "",
    `\n${serversTable(summary)}`,
    `\nSimulated, not measured; picks ${summary.picksSha256.slice(0, 16)}\n`,
  ].join("");
}

function requestsLine({ all, warmUp }: RunSummary, clientTimeoutMs: number): string {
  const { ok, ...others } = all.outcomes;
  const ended = Object.entries(others).filter(([, count]) => count > 0);
  const rest = ended.map(([kind, count]) => `, ${count} ${kind.replace("_", " ")}`).join("");
  const isPatient = clientTimeoutMs === Number.POSITIVE_INFINITY;
  const patience = isPatient ? "no client time-out" : `clients wait ${formatDuration(clientTimeoutMs)}`;
  const warm = warmUp === 0 ? "" : `, ${warmUp} of the warm-up not counted`;
  return `${all.requests} requests: ${ok} answered (${percent(all.successShare)})${rest}; ${patience}${warm}`;
}

function timesTable(measures: Measures): string {
  const rows: readonly (readonly [string, Distribution])[] = [
    ["TTFT", measures.ttftMs],
    ["ITL", measures.itlMs],
    ["TPOT", measures.tpotMs],
    ["end to end", measures.endToEndMs],
    ["per token", measures.normalisedMs],
    ["decision", measures.decisionMs],
  ];
  const known = rows.filter(([, { max }]) => max !== null && max > 0);
  return toTable(
    ["ms", "mean", "p50", "p90", "p99", "max"],
    known.map(([name, { mean, p50, p90, p99, max }]) => [name, ...[mean, p50, p90, p99, max].map(figure)]),
  );
}

function figuresOf({ all, plugins }: RunSummary): readonly (readonly string[])[] {
  const { throughput, cache, slo } = all;
  const calls = Object.entries(plugins).map(([plugin, outcomes]) => {
    const counts = Object.entries(outcomes).filter(([, count]) => count > 0);
    return [`calls of ${plugin}`, counts.map(([outcome, count]) => `${count} ${outcome}`).join(", ") || "none"];
  });
  return [
    ["requests/s", figure(throughput.requestsPerSecond)],
    ["output tokens/s", figure(throughput.outputTokensPerSecond)],
    ["tokens/s", figure(throughput.totalTokensPerSecond)],
    ["prefix hits", percent(cache.hitRate)],
    ...(slo.attainment === null ? [] : [["targets met", percent(slo.attainment)]]),
    ...calls,
  ];
}

function partsTable(parts: RunSummary["parts"]): string {
  return toTable(
    ["part", "requests", "answered", "TTFT mean", "TTFT p90", "TPOT mean", "prefix hits", "targets met"],
    Object.entries(parts).map(([part, { requests, successShare, ttftMs, tpotMs, cache, slo }]) => [
      part,
      String(requests),
      percent(successShare),
      figure(ttftMs.mean),
      figure(ttftMs.p90),
      figure(tpotMs.mean),
      percent(cache.hitRate),
      percent(slo.attainment),
    ]),
  );
}

/** Servers by what they were sent; of many, the most and the least busy. */
const mostServers = 16;

function serversTable({ servers }: RunSummary): string {
  const sorted = servers.toSorted((a, b) => b.requests - a.requests);
  const shown = servers.length <= mostServers ? servers : [...sorted.slice(0, 4), ...sorted.slice(-4)];
  const rows = shown.map(({ name, requests, outputTokens, hitRate }) => [
    name,
    String(requests),
    String(outputTokens),
    percent(hitRate),
  ]);
  const table = toTable(["server", "requests", "output tokens", "prefix hits"], rows);
  return shown === servers ? table : `${table}(the four most and the four least busy of ${servers.length})\n`;
}

function figure(value: number | null): string {
  if (value === null) return "-";
  return Math.abs(value) >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(3)));
}

function percent(value: number | null): string {
  return value === null ? "-" : `${(100 * value).toFixed(1)} %`;
}
