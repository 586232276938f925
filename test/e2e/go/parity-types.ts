import type { AnyProducerDefinition, AnyScorerDefinition, ScoreCall } from "@outrider/core/contract";

const config = { safeParse: (data: unknown) => ({ success: true, data }) as const };

/** A formula of everything a call has; `plugin-sdk/go/internal/testplugin` has the same in Go. */
export const formula: AnyScorerDefinition = {
  kind: "scorer",
  type: "parity-formula",
  category: "balance",
  state: "none",
  needs: [
    ...(["waiting_requests", "running_requests", "kv_cache_usage", "inflight_requests"] as const),
    ...(["request.session_key", "data.uncached_tokens", "veto"] as const),
  ],
  config,
  create: () => ({ score: scoreByFormula }),
};

function scoreByFormula(call: ScoreCall, scores: Float32Array): string {
  const { candidates, columns, request } = call;
  const uncached = call.data.get("data.uncached_tokens");
  candidates.forEach((slot, i) => {
    const sent = columns.inflightRequests[slot]!;
    const load =
      columns.waitingRequests[slot]! * 3 + columns.runningRequests[slot]! / 7 + sent + request.sessionKey.length;
    const ageMs = columns.ageMs("waiting_requests", slot);
    const age = Number.isFinite(ageMs) ? ageMs / (ageMs + 100) : 1;
    const usage = columns.kvCacheUsage[slot]!;
    const free = usage <= 1 ? Math.sqrt(1 - usage) * (1 - 0.1 * age) : Number.NaN;
    const cached = Number.isNaN(uncached[i]) ? 1 : 1 / (1 + uncached[i]! / (1 + request.promptTokens));
    const score = (free + cached + call.random()) / (3 + load);
    if (score < 0.05) call.veto(i);
    scores[i] = score;
  });
  return `${call.profile} ${candidates.length}`;
}

/** Prefers where the fewest requests were sent, and forgets what is gone or was restarted. */
export const learned: AnyScorerDefinition = {
  kind: "scorer",
  type: "parity-learned",
  category: "balance",
  state: "local",
  needs: ["waiting_requests", "events.picked"],
  config,
  create() {
    const sent = new Map<number, number>();
    return {
      score({ candidates }, scores) {
        const most = candidates.reduce((max, slot) => Math.max(max, sent.get(slot) ?? 0), 0);
        candidates.forEach((slot, i) => {
          scores[i] = 1 - (sent.get(slot) ?? 0) / (1 + most);
        });
      },
      feedback(event) {
        if (event.kind !== "picked") return;
        const own = Number.isNaN(event.ownScore) ? 0 : event.ownScore;
        sent.set(event.slot, (sent.get(event.slot) ?? 0) + (1 + own / 3));
      },
      endpointsChanged({ removedSlots, upserted }) {
        const restarted = upserted.filter(({ incarnation }) => incarnation > 0).map(({ slot }) => slot);
        for (const slot of [...removedSlots, ...restarted]) sent.delete(slot);
      },
    };
  },
};

/** Writes values for two keys. */
export const made: AnyProducerDefinition = {
  kind: "producer",
  type: "parity-producer",
  state: "none",
  needs: ["kv_cache_usage"],
  produces: ["data.uncached_tokens", "data.prefix_total_blocks"],
  config,
  create: () => ({
    produce({ candidates, columns: { kvCacheUsage }, request }, [uncached, total]) {
      candidates.forEach((slot, i) => {
        uncached![i] = (request.promptTokens * kvCacheUsage[slot]!) / 3;
        if (slot % 3 !== 0) total![i] = slot;
      });
    },
  }),
};
