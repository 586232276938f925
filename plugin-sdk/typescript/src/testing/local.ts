import type {
  AnyDefinition,
  CycleCall,
  EndpointSnapshot,
  Producer,
  ProducerInstance,
  Scorer,
  ScorerInstance,
} from "@outrider/core/contract";
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
  const { plugin, instance } = create(definition, parameters);
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
    drain: async () => instance.handoff?.() ?? new Uint8Array(0),
    async restore(handoff) {
      instance.restore?.(handoff);
    },
    async close() {},
  };
}

interface Created {
  readonly plugin: InlineScorer | InlineProducer;
  readonly instance: ScorerInstance | ProducerInstance;
}

/** The plugin as the host runs it, and the instance inside, whose hooks a host calls at an upgrade. */
function create(definition: AnyDefinition, parameters: unknown): Created {
  let instance: ScorerInstance | ProducerInstance | undefined;
  const { type } = definition;
  const plugin =
    definition.kind === "scorer"
      ? createInlineScorer(
          { ...definition, create: (config) => (instance = definition.create(config)) },
          parameters,
          type,
        )
      : createInlineProducer(
          { ...definition, create: (config) => (instance = definition.create(config)) },
          parameters,
          type,
        );
  return { plugin, instance: instance! };
}

function ask(plugin: Scorer | Producer, call: CycleCall, arrays: readonly Float32Array[]) {
  return "score" in plugin ? plugin.score(call, arrays[0]!) : plugin.produce(call, arrays);
}
