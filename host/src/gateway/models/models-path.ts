import { refuse } from "../../scheduling/refusals.ts";
import type { Refusal } from "../../scheduling/types.ts";
import type { Models } from "./model-list.ts";

const listPath = "/v1/models";

/** Whether a request is for the models, all or one of them. @param path without its query. */
export function isModelsPath(method: string, path: string): boolean {
  if (method !== "GET" && method !== "HEAD") return false;
  return path.startsWith(listPath) && (path.length === listPath.length || path[listPath.length] === "/");
}

/** Body of the answer: an OpenAI list, or the one model that the path names. */
export function answerModels(path: string, models: Models): Buffer | Refusal {
  const name = path.slice(listPath.length + 1);
  if (name === "") return Buffer.from(JSON.stringify({ object: "list", data: [...models.byId.values()] }));
  const card = models.byId.get(decode(name));
  if (card === undefined) return refuse("NotFound", `the model ${JSON.stringify(decode(name))} does not exist`);
  return Buffer.from(JSON.stringify(card));
}

function decode(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}
