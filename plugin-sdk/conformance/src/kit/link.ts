import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  ConfigureResponse,
  FeedbackEventSchema,
  HandshakeResponse,
  PushStateResponse,
} from "@outrider/protos/scorer";
import type { TestedInstance } from "./instance.ts";
import type { Chunk, StateView } from "./state-steps.ts";
import type { TestAnswer } from "./test-answer.ts";
import type { TestCall } from "./test-call.ts";
import type { World } from "./world.ts";

/** What an instance is configured with. */
export type Configured = Pick<TestedInstance, "id" | "type" | "parameters" | "granted" | "produces">;

/** One event of feedback. */
export type FeedbackInit = MessageInitShape<typeof FeedbackEventSchema>;

/** Overrides of where a call is to be evaluated. */
export interface AskedAt {
  readonly epoch?: number;
  readonly rev?: number;
}

/** The kit's end of one connection to the plugin, whatever the level. */
export interface Link {
  readonly epoch: number;
  /** What state on this connection holds. */
  readonly view: StateView;
  /** Table that the plugin was brought to; what calls are asked of. */
  world: World | undefined;
  hello(): Promise<HandshakeResponse>;
  configure(instances: readonly Configured[]): Promise<ConfigureResponse>;
  /** Sends the chunks of a step as they are; settles with the answer to the last. */
  push(chunks: readonly Chunk[]): Promise<PushStateResponse>;
  /** Brings the plugin to a table, whole. @throws {RuleFailure} where it is not acknowledged. */
  full(world: World): Promise<void>;
  /** Brings the plugin to the next table, by what differs. @throws {RuleFailure} where it is not acknowledged. */
  delta(world: World): Promise<void>;
  /** Puts calls in one batch; their answers in the order of the calls. @throws {RuleFailure} where one is not answered once. */
  ask(calls: readonly TestCall[], at?: AskedAt): Promise<readonly TestAnswer[]>;
  /** Tells what became of calls; settles when that was taken, where it is said. */
  feedback(events: readonly FeedbackInit[], dropped: number): Promise<void>;
  /** Ends the connection at once. */
  close(): void;
}
