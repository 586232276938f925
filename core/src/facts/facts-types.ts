import type { RequestFacts, SessionSource } from "../contract/index.ts";
import type { ByteSpan } from "../rewrite/replace-spans.ts";
import type { SessionPins } from "../sessions/types.ts";
import type { AnswerStart } from "./answer-reader.ts";
import type { FactNeeds } from "./fact-needs.ts";
import type { GivenFacts } from "./given-facts.ts";
import type { RequestParser, RequestParsers } from "./parser.ts";

/** The request that facts are read from. */
export interface FactsSource {
  /** Path with its query. */
  readonly path: string;
  /** Value of a header by its lower-case name. */
  header(name: string): string | undefined;
  /** Chunks of the whole body in order; `undefined` where there is none. */
  readonly body: readonly Uint8Array[] | undefined;
  /** Facts of a body that is not there, from who has read it. */
  readonly given?: GivenFacts | undefined;
}

/** What all requests under one configuration share. */
export interface FactsSettings {
  /** What is worth computing. */
  readonly needs: FactNeeds;
  /** Read the bodies, chosen by path; default `defaultParsers`. */
  readonly parsers?: RequestParsers;
  /** Where a session's key stands, the first that is there wins; default `defaultSessionSources`. */
  readonly sessionSources?: readonly SessionSource[];
  /** Longest prefix that is hashed, in tokens; default 131,072. */
  readonly maxPrefixTokens?: number;
  /**
   * Model that is asked for in the place of a client's; `undefined` = the client's; default that for all.
   * @param clientModel empty where a body that should name a model names none: without a target it is refused.
   */
  targetOf?(clientModel: string, source: FactsSource): string | undefined;
  /** Priority of an objective; default 0 for all. */
  priorityOf?(objective: string): number;
  /** Adapter that a model name stands for, empty = none; default none. */
  adapterOf?(model: string): string;
  /** Agent that sends a request without a tenant of its own, empty = not told; default nobody tells. */
  agentOf?(source: Pick<FactsSource, "header">): string;
}

/** Facts with the host's side of them. */
export interface HostFacts extends RequestFacts {
  /** Model the client named; empty where the request has none. {@link RequestFacts.model} is what is asked for. */
  readonly clientModel: string;
  /** Candidates that its session is pinned to; `undefined` until {@link pin} tells. */
  readonly pins: ReadonlyMap<string, number> | undefined;
  /** Whether the prompt has parts that are no text, such as images; false too where nobody needs to know. */
  readonly multimodal: boolean;
  /** Reads the bodies of this request's path; `undefined` where none does, or there is no body. */
  readonly parser: RequestParser | undefined;
  /**
   * Where the body names its model, in order, or could; as `replaceModel` takes them. None where there is no body, or
   * its API names no model there.
   */
  readonly modelSpans: readonly ByteSpan[];
  /**
   * Where the hashes of {@link RequestFacts.blockHashes} go on with the answer; `undefined` where nobody needs it, or
   * the next turn's prompt will not begin with this one and its answer. Known once the hashes are.
   */
  readonly answerStart: AnswerStart | undefined;
  /** The candidates are known, and so is where the session is pinned to; without it, nowhere. */
  pin(pins: Pick<SessionPins, "slots" | "pinnedSlot">): void;
  /** Reads the body as far as the needs demand, so that reading facts is cheap; returns what is wrong with it. */
  prepare(): string | undefined;
  /** {@link RequestFacts.blockHashes} for blocks of another size; empty where no size was needed. */
  blockHashesOf(blockSizeTokens: number): Uint32Array;
  /** Lets go of the request and its prompt, so that the record of a decision does not keep them; all else stays. */
  release(): void;
}
