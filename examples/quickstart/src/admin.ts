/** One configured plugin, as far as the demo shows it. */
export interface PluginView {
  readonly name: string;
  readonly type: string;
  readonly state: string;
  readonly pid: number;
  readonly restarts: number;
  readonly calls: Readonly<Record<OutcomeKind, number>>;
}

/** How a scorer's part in a decision can end. */
export const outcomeKinds = ["scored", "abstained", "late", "failed", "shed"] as const;
export type OutcomeKind = (typeof outcomeKinds)[number];

/** One decision, as far as the demo shows it. */
export interface DecisionView {
  readonly id: string;
  readonly durationMs: number;
}

/** Asks a running host, as any tool would. */
export interface AdminClient {
  plugins(): Promise<readonly PluginView[]>;
  /** The latest `count` decisions, newest first. */
  decisions(count: number): Promise<readonly DecisionView[]>;
}

/** @param address `ip:port` of the admin interface. */
export function createAdminClient(address: string): AdminClient {
  const call = async <T>(method: string, message: unknown): Promise<T> => {
    const response = await fetch(`http://${address}/outrider.admin.v1.AdminService/${method}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(message),
    });
    if (!response.ok) throw new Error(`${method}: ${response.status} ${await response.text()}`);
    return (await response.json()) as T;
  };
  return {
    async plugins() {
      const { plugins = [] } = await call<{ plugins?: Partial<PluginView>[] }>("ListPlugins", {});
      return plugins.map(({ name = "", type = "", state = "", pid = 0, restarts = 0, calls }) => {
        const counts = Object.fromEntries(outcomeKinds.map((kind) => [kind, Number(calls?.[kind] ?? 0)]));
        return { name, type, state, pid, restarts, calls: counts as Record<OutcomeKind, number> };
      });
    },
    async decisions(count) {
      const { decisions = [] } = await call<{
        decisions?: { decision?: { decisionId?: string; durationUs?: number } }[];
      }>("GetDecision", { latest: count });
      return decisions.map(({ decision }) => ({
        id: decision?.decisionId ?? "",
        durationMs: (decision?.durationUs ?? 0) / 1000,
      }));
    },
  };
}
