import type {
  Admitter,
  ConfigSchema,
  Decider,
  Filter,
  Need,
  NeedKey,
  Picker,
  Profile,
  ProfileHandler,
  RequestParser,
  SaturationDetector,
  Screener,
  SessionPinning,
  SessionSource,
} from "@outrider/core";
import type { DataLayerSettings } from "../datalayer/settings.ts";

/** What a policy may be; one type may be several. */
export type PolicyRole =
  | "filter"
  | "picker"
  | "handler"
  | "decider"
  | "parser"
  | "detector"
  | "screener"
  | "admitter"
  | "agent"
  | "session"
  | "reporter"
  /** Endpoints and what is scraped of them: source, extractor or discovery. */
  | "data"
  /** What the host always does: accepted, and nothing is made of it. */
  | "implied";

/** Another policy that parameters name. */
export interface PolicyRef {
  /** Where in `parameters:` it is named. */
  readonly path: readonly (string | number)[];
  /** Name of a policy, or the type of one that needs no parameters. */
  readonly name: string;
  readonly role: PolicyRole;
}

/** Something in parameters that is hardly meant. */
export interface Oddity {
  /** Where in `parameters:`. */
  readonly path: readonly (string | number)[];
  readonly message: string;
  /** What to write instead. */
  readonly hint?: string;
}

/** Where the data layer names a policy: what is fetched of endpoints, what is read out of it, where endpoints come from. */
export type DataPart = "source" | "extractor" | "discovery";

/** What a policy is made with besides its parameters. */
export interface PolicyScope {
  /** Profiles of the configuration, in its order. */
  readonly profiles: readonly Profile[];
  /** A decider that the parameters name. */
  decider(name: string): Decider;
}

/** Tells who sends a request from its headers. */
export interface AgentReader {
  /** Agent or session of it; empty = not told. */
  agentOf(header: (name: string) => string | undefined): string;
}

/** Makes something of a response's usage that the gateway is told. */
export interface ResponseReporter {
  /** Names and values for the gateway's dynamic metadata, by namespace. */
  report(usage: {
    readonly promptTokens: number;
    readonly cachedTokens: number;
    readonly outputTokens: number;
  }): readonly { readonly namespace: string; readonly name: string; readonly value: number }[];
}

/**
 * A type that is plain code of the host, without a placement: declared once, read by the configuration, by its
 * documentation and by whoever makes one. What it can be are the functions that it has.
 */
export interface PolicyType<P = never> {
  /** `type:` in the configuration. */
  readonly type: string;
  /** What it does, one sentence for the table of types. */
  readonly about: string;
  /** What to say to whoever writes it, such as what to write instead; absent = nothing. */
  readonly notice?: string;
  /**
   * What it does with these parameters, in words for whoever runs it: the end of a sentence that starts with its name.
   * @param profiles names of the profiles, in the order of the configuration. Absent = {@link about}.
   */
  readonly explain?: (parameters: P, profiles: readonly string[]) => string;
  /** Checks and completes `parameters:`. */
  readonly parameters: ConfigSchema<unknown>;
  /** What of the endpoints and the request it reads, beyond what the host knows anyway. */
  readonly needs?: (parameters: P) => readonly (NeedKey | Need)[];
  /** Other policies that its parameters name. */
  readonly refs?: (parameters: P) => readonly PolicyRef[];
  /** What is hardly meant although the schema takes it, such as a condition that nothing can meet. */
  readonly oddities?: (parameters: P) => readonly Oddity[];
  readonly filter?: (name: string, parameters: P) => Filter;
  readonly picker?: (name: string, parameters: P) => Picker;
  /** Profiles that the handler names must be there. @throws {OutriderError} `CONFIG_INVALID` where they are not. */
  readonly handler?: (name: string, parameters: P, scope: PolicyScope) => ProfileHandler;
  /** Whether the handler can do with these profiles, and why not; checked before it is made. */
  readonly checkProfiles?: (parameters: P, profiles: readonly string[]) => string | undefined;
  /** Profiles of these that the handler may run, in the order in which it runs several; absent = all. */
  readonly reaches?: (parameters: P, profiles: readonly string[]) => readonly string[];
  readonly decider?: (name: string, parameters: P) => Decider;
  readonly parser?: () => RequestParser;
  readonly detector?: (name: string, parameters: P) => SaturationDetector;
  readonly screener?: (name: string, parameters: P) => Screener;
  readonly admitter?: (name: string, parameters: P) => Admitter;
  readonly agent?: (parameters: P) => AgentReader;
  /** Where requests say which session they belong to, the first that is there wins. */
  readonly session?: (parameters: P) => readonly SessionSource[];
  readonly reporter?: (parameters: P) => ResponseReporter;
  /** How the host pins sessions for it. */
  readonly pinning?: (parameters: P) => SessionPinning;
  /** Changes what the data layer does. */
  readonly data?: (parameters: P, settings: DataLayerSettings) => DataLayerSettings;
  /** Where under `dataLayer:` it is named; absent = nowhere: it counts by being listed. */
  readonly dataPart?: DataPart;
  /** What the host always does: nothing is made of it. */
  readonly implied?: true;
  /** Scorer that it goes with, in every profile that lists the scorer. */
  readonly beside?: {
    /** `type:` of the scorer. */
    readonly type: string;
    /** Its own parameters, of those written for the scorer; `undefined` = these want none. */
    readonly parametersOf: (written: unknown) => unknown;
  };
}

/** What a declaration says of its parameters, with their type. */
export interface TypedPolicy<P> extends Omit<PolicyType<P>, "parameters"> {
  readonly parameters: ConfigSchema<P>;
}

/** Declares a policy type; its functions get what its `parameters` schema made. */
export function definePolicy<P>(policy: TypedPolicy<P>): PolicyType {
  return policy;
}

/** What a type can be. */
export function rolesOf(policy: PolicyType): readonly PolicyRole[] {
  return policyRoles.filter((role) => policy[role] !== undefined);
}

const policyRoles: readonly PolicyRole[] = [
  "filter",
  "picker",
  "handler",
  "decider",
  "parser",
  "detector",
  "screener",
  "admitter",
  "agent",
  "session",
  "reporter",
  "data",
  "implied",
];
