/** What a host decided for a request. */
export interface DecisionView {
  readonly decisionId: string;
  /** `ip:port` of the pick, then of fallbacks in order; empty where the request was refused. */
  readonly destinations: readonly string[];
}

interface Resolved {
  readonly decision: { readonly decisionId: string; readonly destination?: readonly number[] };
  readonly endpoints: readonly { readonly slot?: number; readonly address: string }[];
}

/**
 * The host's last decision for a request.
 * @param admin `ip:port` of its admin interface.
 * @param requestId the request's `x-request-id`.
 * @returns `undefined` where nothing has been decided.
 */
export async function findDecision(admin: string, requestId: string): Promise<DecisionView | undefined> {
  const response = await fetch(`http://${admin}/outrider.admin.v1.AdminService/GetDecision`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ requestId }),
  });
  if (!response.ok) return undefined;
  const { decisions = [] } = (await response.json()) as { readonly decisions?: readonly Resolved[] };
  const [resolved] = decisions;
  if (resolved === undefined) return undefined;
  const { decision, endpoints } = resolved;
  const addressOf = (slot: number) => endpoints.find((endpoint) => (endpoint.slot ?? 0) === slot)?.address ?? "";
  return { decisionId: decision.decisionId, destinations: (decision.destination ?? []).map(addressOf) };
}
