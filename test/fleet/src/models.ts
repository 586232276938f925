import type { Offer } from "./generation.ts";

/** The answer to `/v1/models`: the model by each of its names, and the adapters, children of the first. */
export function renderModels({ models, adapters }: Offer, maxModelTokens: number): string {
  const created = Math.floor(Date.now() / 1000);
  const card = (id: string, parent: string | null) => {
    return { id, object: "model", created, owned_by: "vllm", root: id, parent, max_model_len: maxModelTokens };
  };
  const data = [...models.map((id) => card(id, null)), ...adapters.map((id) => card(id, models[0]))];
  return JSON.stringify({ object: "list", data });
}
