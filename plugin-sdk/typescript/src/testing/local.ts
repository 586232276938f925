import type { AnyDefinition, CycleCall, EndpointSnapshot, Producer, Scorer } from "@outrider/core/contract";
import {
  createInlineProducer,
  createInlineScorer,
  diffEndpoints,
  type InlineProducer,
  type InlineScorer,
} from "@outrider/transport";
import { type OpenPlugin, toOpener } from "./open-plugin.ts";

/** In this process, as the host runs it inline. */
export const local = toOpener(async (definition, parameters) => openLocal(definition, parameters));

function openLocal(definition: AnyDefinition, parameters: unknown): OpenPlugin {
  const plugin = create(definition, parameters);
  let snapshot: EndpointSnapshot | undefined;
  const learn = (next: EndpointSnapshot) => {
    if (next === snapshot) return;
    plugin.endpointsChanged(diffEndpoints(snapshot, next));
    snapshot = next;
  };
  return {
    async ask(call, arrays) {
      learn(call.snapshot);
      await ask(plugin, call, arrays);
    },
    async feedback(event) {
      plugin.feedback?.(event);
    },
    async close() {},
  };
}

function create(definition: AnyDefinition, parameters: unknown): InlineScorer | InlineProducer {
  return definition.kind === "scorer"
    ? createInlineScorer(definition, parameters, definition.type)
    : createInlineProducer(definition, parameters, definition.type);
}

function ask(plugin: Scorer | Producer, call: CycleCall, arrays: readonly Float32Array[]) {
  return "score" in plugin ? plugin.score(call, arrays[0]!) : plugin.produce(call, arrays);
}
