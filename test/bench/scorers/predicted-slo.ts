import { plugins } from "outrider/plugins";
import { fullCall } from "./full-call.ts";

/** Requests that the producer has seen before it is measured. */
const trainedRequests = 500;

/**
 * A call to `slo` with that to `predicted-latency-producer` before it, over endpoints each of which has a model of its
 * own; the request ends at once, and teaches nothing.
 */
export async function createPredictedSlo(endpoints: number): Promise<() => void> {
  const producing = await plugins["predicted-latency-producer"]!.load();
  const scoring = await plugins.slo!.load();
  if (producing.kind !== "producer" || scoring.kind !== "scorer") throw new Error("another kind of plugin");
  const producer = producing.create(toConfig(producing) as never);
  const scorer = scoring.create(toConfig(scoring) as never);
  const full = fullCall(endpoints, false);
  const call = { ...full, random: full.random, request: { ...full.request, stream: true }, data: full.data };
  const upserted = Array.from(call.candidates, (slot) => call.endpoints.at(slot)!);
  producer.endpointsChanged?.({ removedSlots: [], upserted });
  const values = producing.produces.map(() => new Float32Array(endpoints));
  const byKey = new Map(producing.produces.map((key, i) => [key, values[i]!]));
  const scored = { ...call, data: { get: (key: string) => byKey.get(key) ?? call.data.get(key) } };
  const scores = new Float32Array(endpoints);
  const common = { callId: call.callId, atMs: call.nowMs };
  const noScores = { ownScore: 0, totalScore: 0, fallback: false, promptTokens: 0, picks: [] };
  const usage = { promptTokens: 0, cachedTokens: 0, outputTokens: 50 };
  for (let i = 0; i < trainedRequests; i++) {
    const slot = call.candidates[i % endpoints]!;
    void producer.produce(call, values);
    producer.feedback?.({ kind: "picked", ...common, slot, ...noScores });
    const times = { ttftUs: 1_000 * (50 + slot), e2eMs: 900 + slot };
    producer.feedback?.({ kind: "done", ...common, slot, cause: "ok", status: 200, ...usage, ...times });
  }
  return () => {
    void producer.produce(call, values);
    void scorer.score(scored, scores);
  };
}

function toConfig({ config, type }: Awaited<ReturnType<(typeof plugins)[string]["load"]>>): unknown {
  const checked = config.safeParse({});
  if (!checked.success) throw new Error(`${type} refuses its parameters`);
  return checked.data;
}
