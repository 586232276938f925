import type { ScorerDefinition } from "@outrider/core/contract";
import { plugins } from "outrider/plugins";
import { parametersFor } from "../../clients/needed-parameters.ts";
import type { Effort, Section, Table } from "../section.ts";
import { format, median, spread } from "../windows.ts";
import { fullCall } from "./full-call.ts";
import { createPredictedSlo } from "./predicted-slo.ts";

const endpoints = 100;
/** Most that a call to a scorer may cost, in µs; a prediction is dearer. */
const wantedUs = 5;
const wantedOfSloUs = 30;
/** Types that compare a prediction with targets. */
const predicting: ReadonlySet<string> = new Set(["slo", "latency-scorer"]);

/** What an inline scorer costs. */
export const scorers: Section = {
  name: "scorers",
  about: `a call to each built-in scorer, inline, over ${endpoints} endpoints`,
  effort: { windows: 5, seconds: 0.05 },
  async run(effort) {
    return [await measureAll(effort)];
  },
};

async function measureAll({ windows, seconds }: Effort): Promise<Table> {
  const rows = [];
  const dear: string[] = [];
  for (const [type, builtin] of Object.entries(plugins)) {
    const definition = await builtin.load();
    if (definition.kind !== "scorer") continue;
    const costsUs = measure(toRun(definition as ScorerDefinition), windows, seconds);
    const costUs = median(costsUs);
    if (costUs > (predicting.has(type) ? wantedOfSloUs : wantedUs)) dear.push(type);
    rows.push({ scorer: type, "CPU µs a call": format(costUs), windows: spread(costsUs) });
  }
  const predictedUs = measure(await createPredictedSlo(endpoints), windows, seconds);
  if (median(predictedUs) > wantedOfSloUs) dear.push("slo with its prediction");
  const cells = { "CPU µs a call": format(median(predictedUs)), windows: spread(predictedUs) };
  rows.push({ scorer: "slo with its prediction", ...cells });
  const notes = [
    `Wanted: at most ${wantedUs} µs, ${[...predicting].join(" and ")} ${wantedOfSloUs}. ` +
      `Above it: ${dear.length === 0 ? "none" : dear.join(", ")}.`,
  ];
  return { title: `A call to a scorer over ${endpoints} endpoints, inline`, rows, notes, failed: 0 };
}

/** CPU that a call costs in each window, in µs, behind one that warms it up. */
function measure(run: () => void, windows: number, seconds: number) {
  const costsUs: number[] = [];
  for (let window = 0; window <= windows; window++) {
    const endMs = performance.now() + seconds * 1_000;
    const before = process.threadCpuUsage();
    let calls = 0;
    while (performance.now() < endMs) {
      for (let i = 0; i < 200; i++) run();
      calls += 200;
    }
    const { user, system } = process.threadCpuUsage(before);
    if (window > 0) costsUs.push((user + system) / calls);
  }
  return costsUs;
}

function toRun(definition: ScorerDefinition): () => void {
  const { type, config } = definition;
  const checked = config.safeParse(parametersFor(type) ?? {});
  if (!checked.success) throw new Error(`${type} refuses its parameters`);
  const instance = definition.create(checked.data);
  const call = fullCall(endpoints, type === "no-hit-lru-scorer");
  instance.endpointsChanged?.({
    removedSlots: [],
    upserted: Array.from(call.candidates, (slot) => call.endpoints.at(slot)!),
  });
  const scores = new Float32Array(endpoints);
  learn(instance, call, scores);
  return () => {
    scores.fill(Number.NaN);
    void instance.score(call, scores);
  };
}

/** Has an instance see a request to each endpoint, so that it has learned what it can. */
function learn(
  instance: ReturnType<ScorerDefinition["create"]>,
  call: ReturnType<typeof fullCall>,
  scores: Float32Array,
) {
  const told = {
    atMs: call.nowMs - 1_000,
    ownScore: 0,
    totalScore: 0,
    fallback: false,
    promptTokens: 4_096,
    picks: [],
  };
  for (const slot of call.candidates) {
    void instance.score(call, scores.fill(Number.NaN));
    instance.feedback?.({ kind: "picked", callId: call.callId, slot, ...told });
  }
}
