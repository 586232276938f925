import type {
  AnyDefinition,
  AnyProducerDefinition,
  AnyScorerDefinition,
  CycleCall,
  FeedbackEvent,
} from "@outrider/core/contract";

/** A scorer that can be asked, wherever it runs. */
export interface OpenScorer {
  /** What it was opened from. */
  readonly definition: AnyScorerDefinition;
  /** Scores per candidate, `NaN` = abstained. The endpoints are those of the call's snapshot, told of if they are new. */
  score(call: CycleCall): Promise<Float32Array>;
  /** Tells what became of a call; done when the scorer knows. */
  feedback(event: FeedbackEvent): Promise<void>;
  /**
   * Drains it, as a host does at an upgrade, and opens its successor with what it has handed over; `undefined` where that
   * is nothing. Drained, it is still to be closed.
   */
  handOver(): Promise<OpenScorer | undefined>;
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
  /** Lets it finish; resolves with what it hands over, empty = nothing. */
  drain(): Promise<Uint8Array>;
  /** Gives it what another has handed over. */
  restore(handoff: Uint8Array): Promise<void>;
  /** Ends it and everything that was started for it. */
  close(): Promise<void>;
}

/** Opener of both kinds from one that knows definitions alone. */
export function toOpener(open: (definition: AnyDefinition, parameters: unknown) => Promise<OpenPlugin>): PluginOpener {
  const openAny = async (
    definition: AnyDefinition,
    parameters?: unknown,
    handoff?: Uint8Array,
  ): Promise<OpenScorer | OpenProducer> => {
    const plugin = await open(definition, parameters);
    if (handoff !== undefined) await plugin.restore(handoff);
    return definition.kind === "scorer"
      ? toScorer(plugin, definition, (state) => openAny(definition, parameters, state) as Promise<OpenScorer>)
      : toProducer(plugin, definition);
  };
  return ((definition: AnyDefinition, parameters?: unknown) => openAny(definition, parameters)) as PluginOpener;
}

function toScorer(
  plugin: OpenPlugin,
  definition: AnyScorerDefinition,
  succeed: (handoff: Uint8Array) => Promise<OpenScorer>,
): OpenScorer {
  return {
    definition,
    ...commonOf(plugin),
    score: async (call) => (await ask(plugin, call, 1))[0]!,
    async handOver() {
      const handoff = await plugin.drain();
      return handoff.length === 0 ? undefined : succeed(handoff);
    },
  };
}

function toProducer(plugin: OpenPlugin, { produces }: AnyProducerDefinition): OpenProducer {
  return {
    ...commonOf(plugin),
    async produce(call) {
      const arrays = await ask(plugin, call, produces.length);
      return Object.fromEntries(produces.map((key, i) => [key, arrays[i]!]));
    },
  };
}

function commonOf(plugin: OpenPlugin): Pick<OpenPlugin, "feedback" | "close"> {
  return { feedback: (event) => plugin.feedback(event), close: () => plugin.close() };
}

async function ask(plugin: OpenPlugin, call: CycleCall, count: number): Promise<readonly Float32Array[]> {
  const arrays = Array.from({ length: count }, () => new Float32Array(call.candidates.length).fill(Number.NaN));
  await plugin.ask(call, arrays);
  return arrays;
}
