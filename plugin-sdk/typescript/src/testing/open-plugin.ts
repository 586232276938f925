import type {
  AnyDefinition,
  AnyProducerDefinition,
  AnyScorerDefinition,
  CycleCall,
  FeedbackEvent,
} from "@outrider/core/contract";

/** A scorer that can be asked, wherever it runs. */
export interface OpenScorer {
  /** Scores per candidate, `NaN` = abstained. The endpoints are those of the call's snapshot, told of if they are new. */
  score(call: CycleCall): Promise<Float32Array>;
  /** Tells what became of a call; done when the scorer knows. */
  feedback(event: FeedbackEvent): Promise<void>;
  /** Ends it and everything that was started for it. */
  close(): Promise<void>;
}

/** A producer that can be asked, wherever it runs. */
export interface OpenProducer {
  /** Values per candidate, `NaN` = unknown, by key. */
  produce(call: CycleCall): Promise<Readonly<Record<string, Float32Array>>>;
  /** Tells what became of a call; done when the producer knows. */
  feedback(event: FeedbackEvent): Promise<void>;
  /** Ends it and everything that was started for it. */
  close(): Promise<void>;
}

/** Opens a plugin somewhere: in this process, behind its wire form, or in a process of its own. */
export interface PluginOpener {
  /** @param parameters `parameters:` as an operator would write them; default none. */
  (definition: AnyScorerDefinition, parameters?: unknown): Promise<OpenScorer>;
  (definition: AnyProducerDefinition, parameters?: unknown): Promise<OpenProducer>;
}

/** What every placement can do; {@link toOpener} makes the two kinds of it. */
export interface OpenPlugin {
  /** Writes to one array for a scorer, one per key for a producer, all `NaN` at first. */
  ask(call: CycleCall, arrays: readonly Float32Array[]): Promise<void>;
  /** Tells what became of a call; done when the plugin knows. */
  feedback(event: FeedbackEvent): Promise<void>;
  /** Ends it and everything that was started for it. */
  close(): Promise<void>;
}

/** Opener of both kinds from one that knows definitions alone. */
export function toOpener(open: (definition: AnyDefinition, parameters: unknown) => Promise<OpenPlugin>): PluginOpener {
  const opener = async (definition: AnyDefinition, parameters?: unknown) => {
    const plugin = await open(definition, parameters);
    const ask = async (call: CycleCall, count: number) => {
      const arrays = Array.from({ length: count }, () => new Float32Array(call.candidates.length).fill(Number.NaN));
      await plugin.ask(call, arrays);
      return arrays;
    };
    const common = { feedback: (event: FeedbackEvent) => plugin.feedback(event), close: () => plugin.close() };
    if (definition.kind === "scorer") {
      return { ...common, score: async (call: CycleCall) => (await ask(call, 1))[0]! };
    }
    const { produces } = definition;
    return {
      ...common,
      async produce(call: CycleCall) {
        const arrays = await ask(call, produces.length);
        return Object.fromEntries(produces.map((key, i) => [key, arrays[i]!]));
      },
    };
  };
  return opener as PluginOpener;
}
