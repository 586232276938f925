/** A host's configuration as its admin interface shows it. */
export interface ConfigView {
  readonly generation: number;
  readonly cause?: string;
  readonly rollbackOf?: number;
  readonly refused?: { readonly message: string; readonly cause: string };
  readonly weights?: readonly { readonly scorer: string; readonly inForce?: number; readonly endsAtMs?: number }[];
}

/** One decision as explain shows it. */
export interface DecisionGeneration {
  readonly decisionId: string;
  /** When it began, Unix ms. */
  readonly atMs: number;
  readonly generation: number;
  /** Weight of each scorer that counted, by its name. */
  readonly weights: Readonly<Record<string, number>>;
}

interface Shown {
  readonly decision: {
    readonly decisionId: string;
    readonly atMs: number;
    readonly generation: number;
    readonly profiles?: readonly {
      readonly scorers?: readonly { readonly name: string; readonly weight?: number }[];
    }[];
  };
}

/** Asks a procedure of a host's admin interface. @throws {Error} with what it answers where it refuses. */
export async function askAdmin<T>(admin: string, procedure: string, request: object = {}): Promise<T> {
  const response = await fetch(`http://${admin}/outrider.admin.v1.AdminService/${procedure}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(request),
  });
  if (!response.ok) throw new Error(`${procedure}: ${await response.text()}`);
  return (await response.json()) as T;
}

/** The configuration that a host has in force. */
export function showConfig(admin: string): Promise<ConfigView> {
  return askAdmin(admin, "GetConfig");
}

/** The latest decisions, oldest first. */
export async function latestDecisions(admin: string, latest: number): Promise<readonly DecisionGeneration[]> {
  const { decisions = [] } = await askAdmin<{ decisions?: readonly Shown[] }>(admin, "GetDecision", { latest });
  return decisions.toReversed().map(({ decision: { decisionId, atMs, generation, profiles = [] } }) => {
    const scorers = profiles.flatMap((profile) => profile.scorers ?? []);
    return {
      decisionId,
      atMs,
      generation,
      weights: Object.fromEntries(scorers.map(({ name, weight = 0 }) => [name, weight])),
    };
  });
}
