import type { EndpointInfo } from "../contract/index.ts";
import type { Filter } from "../cycle/types.ts";
import { type KeepEndpoints, keepEndpoints } from "./endpoint-filter.ts";

/** Names whose verdicts are kept, the last used: clients choose names, so that there may be any number. */
const MAX_NAMES = 64;

/**
 * Keeps the endpoints that serve the model of a request, as one of their models or adapters; those whose models are
 * unknown stay. A request without a model passes.
 */
export function createServesModelFilter(name: string): Filter {
  const keepServing = perName(servesModel);
  return {
    name,
    type: "serves-model",
    filter: (call) => (call.request.model === "" ? call.candidates : keepServing(call.request.model)(call)),
  };
}

/**
 * Keeps the endpoints that have the adapter of a request loaded or about to be, all where none has. A request without
 * an adapter passes.
 */
export function createHasAdapterFilter(name: string): Filter {
  const keepLoaded = perName(hasAdapter);
  return {
    name,
    type: "has-adapter",
    filter(call) {
      const { lora } = call.request;
      if (lora === "") return call.candidates;
      const kept = keepLoaded(lora)(call);
      return kept.length === 0 ? call.candidates : kept;
    },
  };
}

/** Whether an endpoint serves a model; one that names no models may serve any. */
function servesModel({ sets }: EndpointInfo, model: string): boolean {
  const { models = [], adapters, adapters_running: running, adapters_waiting: waiting } = sets;
  return models.length === 0 || [models, adapters, running, waiting].some((names) => names?.includes(model));
}

function hasAdapter({ sets }: EndpointInfo, adapter: string): boolean {
  const { adapters_running: running, adapters_waiting: waiting } = sets;
  return running?.includes(adapter) === true || waiting?.includes(adapter) === true;
}

/** A test of endpoints for each name, the least recently used forgotten first. */
function perName(passes: (endpoint: EndpointInfo, name: string) => boolean): (name: string) => KeepEndpoints {
  const known = new Map<string, KeepEndpoints>();
  return (name) => {
    const keep = known.get(name) ?? keepEndpoints((endpoint) => passes(endpoint, name));
    known.delete(name);
    known.set(name, keep);
    if (known.size > MAX_NAMES) known.delete(known.keys().next().value!);
    return keep;
  };
}
