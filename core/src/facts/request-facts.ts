import type { RequestFacts } from "../contract/index.ts";
import { prefixSeed } from "../hash/index.ts";
import type { ByteSpan } from "../rewrite/replace-spans.ts";
import type { FactNeeds } from "./fact-needs.ts";
import { type GivenFacts, toScannedBody } from "./given-facts.ts";
import { readPlainPrompt } from "./plain-prompt.ts";
import { type Prompt, parsePrompt } from "./prompt.ts";
import { countPromptTokens, hashPrompt, TOKEN_BYTES } from "./prompt-hashes.ts";
import { type BodyFault, type ScannedBody, scanBody } from "./scan-body.ts";
import { defaultSessionSources, readSessionKey, toSessionKey } from "./session-key.ts";

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
  /** Headers that name a session, the first that is there wins; default {@link defaultSessionSources}. */
  readonly sessionSources?: readonly string[];
  /** Longest prefix that is hashed, in tokens; default 131,072. */
  readonly maxPrefixTokens?: number;
  /** Model that is asked for in the place of a client's; `undefined` = the client's; default that for all. */
  targetOf?(clientModel: string, source: FactsSource): string | undefined;
  /** Priority of an objective; default 0 for all. */
  priorityOf?(objective: string): number;
  /** Adapter that a model name stands for, empty = none; default none. */
  adapterOf?(model: string): string;
  /** Agent that sends a request without a tenant of its own, empty = not told; default nobody tells. */
  agentOf?(source: Pick<FactsSource, "header">): string;
  /** Endpoint that the client's session token names, -1 = none; default none. */
  pinnedSlotOf?(source: FactsSource): number;
}

/** Facts with the host's side of them. */
export interface HostFacts extends RequestFacts {
  /** Model the client named; empty where the request has none. {@link RequestFacts.model} is what is asked for. */
  readonly clientModel: string;
  /** Where the body names its model, in order; none where there is no body. */
  readonly modelSpans: readonly ByteSpan[];
  /** Reads the body as far as the needs demand, so that reading facts is cheap; returns what is wrong with it. */
  prepare(): string | undefined;
  /** {@link RequestFacts.blockHashes} for blocks of another size; empty where no size was needed. */
  blockHashesOf(blockSizeTokens: number): Uint32Array;
  /** Lets go of the request and its prompt, so that the record of a decision does not keep them; all else stays. */
  release(): void;
}

const MAX_UINT32 = 2 ** 32 - 1;
const noWords = new Uint32Array(0);
const noSpans: readonly ByteSpan[] = [];
const noPrompt: Prompt = { kind: "none" };
const noSource: FactsSource = { path: "", header: () => undefined, body: undefined };

/** Facts of one request, each computed when it is first read. */
export function createRequestFacts(source: FactsSource, requestId: string, settings: FactsSettings): HostFacts {
  return new SourceFacts(source, requestId, settings);
}

class SourceFacts implements HostFacts {
  readonly requestId: string;
  readonly #settings: FactsSettings;
  #source: FactsSource;
  #scan: ScannedBody | BodyFault | undefined;
  #model: string | undefined;
  #prompt: Prompt | undefined;
  #promptText: string | undefined;
  #promptTokens = -1;
  #hashes: Map<number, Uint32Array> | undefined;
  #headers: Readonly<Record<string, string>> | undefined;
  #objective: string | undefined;
  #fairnessId: string | undefined;
  #sessionKey: string | undefined;
  #sloTtftMs: number | undefined;
  #sloTpotMs: number | undefined;
  #lora: string | undefined;
  #pinnedSlot: number | undefined;

  constructor(source: FactsSource, requestId: string, settings: FactsSettings) {
    this.#source = source;
    this.#settings = settings;
    this.requestId = requestId;
  }

  get clientModel(): string {
    const scan = this.#scanned();
    return scan?.kind === "ok" ? scan.model : "";
  }

  get modelSpans(): readonly ByteSpan[] {
    const scan = this.#scanned();
    return scan?.kind === "ok" ? scan.modelSpans : noSpans;
  }

  get model(): string {
    this.#model ??= this.#toTarget(this.clientModel);
    return this.#model;
  }

  get lora(): string {
    this.#lora ??= this.#settings.adapterOf?.(this.model) ?? "";
    return this.#lora;
  }

  get priority(): number {
    return this.#settings.priorityOf?.(this.objective) ?? 0;
  }

  get objective(): string {
    this.#objective ??= this.#header("x-llm-d-inference-objective") || this.#header("x-gateway-inference-objective");
    return this.#objective;
  }

  get fairnessId(): string {
    this.#fairnessId ??=
      this.#header("x-llm-d-inference-fairness-id") ||
      this.#header("x-gateway-inference-fairness-id") ||
      (this.#settings.agentOf?.(this.#source) ?? "");
    return this.#fairnessId;
  }

  get sessionKey(): string {
    this.#sessionKey ??= this.#readSessionKey();
    return this.#sessionKey;
  }

  get pinnedSlot(): number {
    this.#pinnedSlot ??= this.#settings.pinnedSlotOf?.(this.#source) ?? -1;
    return this.#pinnedSlot;
  }

  get promptTokens(): number {
    if (this.#promptTokens < 0) this.#promptTokens = this.#countTokens();
    return this.#promptTokens;
  }

  get promptText(): string {
    const prompt = this.#settings.needs.promptText ? this.#parsed() : noPrompt;
    this.#promptText ??= toText(prompt);
    return this.#promptText;
  }

  get tokenIds(): Uint32Array {
    const prompt = this.#settings.needs.tokenIds ? this.#parsed() : noPrompt;
    return prompt.kind === "tokens" ? prompt.tokenIds : noWords;
  }

  get blockHashes(): Uint32Array {
    return this.blockHashesOf(this.blockSizeTokens);
  }

  get blockSizeTokens(): number {
    return this.#settings.needs.blockSizesTokens[0] ?? 0;
  }

  get headers(): Readonly<Record<string, string>> {
    this.#headers ??= this.#readHeaders();
    return this.#headers;
  }

  get maxOutputTokens(): number {
    const scan = this.#scanned();
    return scan?.kind === "ok" ? scan.maxOutputTokens : 0;
  }

  get stream(): boolean {
    const scan = this.#scanned();
    return scan?.kind === "ok" && scan.stream;
  }

  get sloTtftMs(): number {
    this.#sloTtftMs ??= toMs(this.#header("x-llm-d-slo-ttft-ms")) || toMs(this.#header("x-slo-ttft-ms"));
    return this.#sloTtftMs;
  }

  get sloTpotMs(): number {
    this.#sloTpotMs ??= toMs(this.#header("x-llm-d-slo-tpot-ms")) || toMs(this.#header("x-slo-tpot-ms"));
    return this.#sloTpotMs;
  }

  prepare(): string | undefined {
    const scan = this.#scanned();
    if (scan?.kind === "fault") return scan.message;
    if (scan === undefined || !this.#needsPrompt()) return undefined;
    const prompt = this.#parsed();
    if (prompt.kind === "fault") return prompt.message;
    for (const size of this.#settings.needs.blockSizesTokens) this.blockHashesOf(size);
    return undefined;
  }

  blockHashesOf(blockSizeTokens: number): Uint32Array {
    if (this.#settings.needs.blockSizesTokens.length === 0) return noWords;
    this.#hashes ??= new Map();
    const known = this.#hashes.get(blockSizeTokens);
    if (known !== undefined) return known;
    const hashes = this.#hash(blockSizeTokens);
    this.#hashes.set(blockSizeTokens, hashes);
    return hashes;
  }

  release(): void {
    readAll(this);
    this.#source = noSource;
    this.#prompt = noPrompt;
    this.#promptText = undefined;
  }

  #toTarget(clientModel: string): string {
    if (clientModel === "") return "";
    return this.#settings.targetOf?.(clientModel, this.#source) ?? clientModel;
  }

  #header(name: string): string {
    return this.#source.header(name) ?? "";
  }

  #needsPrompt(): boolean {
    const { promptText, tokenIds, blockSizesTokens } = this.#settings.needs;
    return promptText || tokenIds || blockSizesTokens.length > 0;
  }

  #scanned(): ScannedBody | BodyFault | undefined {
    if (this.#scan !== undefined) return this.#scan;
    const { body, given } = this.#source;
    if (given !== undefined) this.#scan = toScannedBody(given);
    else if (body !== undefined) this.#scan = scanBody(body);
    return this.#scan;
  }

  #parsed(): Prompt {
    this.#prompt ??= this.#source.given?.prompt ?? this.#readPrompt();
    return this.#prompt;
  }

  #readPrompt(): Prompt {
    const { body, path } = this.#source;
    if (body === undefined) return noPrompt;
    const scan = this.#scanned();
    const plain = scan?.kind === "ok" ? readPlainPrompt(body, scan, path) : undefined;
    return plain ?? parsePrompt(body, path);
  }

  #countTokens(): number {
    const { body, given } = this.#source;
    if (given !== undefined) return given.promptTokens || (countPromptTokens(given.prompt) ?? 0);
    if (body === undefined) return 0;
    const prompt = this.#needsPrompt() ? this.#parsed() : noPrompt;
    return countPromptTokens(prompt) ?? Math.ceil(countBytes(body) / TOKEN_BYTES);
  }

  #hash(blockSizeTokens: number): Uint32Array {
    const scan = this.#scanned();
    const seed = prefixSeed(this.model, this.lora, scan?.kind === "ok" ? scan.cacheSalt : "");
    return hashPrompt(this.#parsed(), blockSizeTokens, this.#settings.maxPrefixTokens ?? 131_072, seed);
  }

  #readSessionKey(): string {
    const { given } = this.#source;
    const sources = this.#settings.sessionSources ?? defaultSessionSources;
    return given?.sessionKey ? toSessionKey(given.sessionKey) : readSessionKey((name) => this.#header(name), sources);
  }

  #readHeaders(): Readonly<Record<string, string>> {
    const headers: Record<string, string> = {};
    for (const name of this.#settings.needs.headers) {
      const value = this.#source.header(name);
      if (value !== undefined) headers[name] = value;
    }
    return headers;
  }
}

function toText(prompt: Prompt): string {
  if (prompt.kind === "text") return prompt.pieces.join("");
  return prompt.kind === "ascii" ? Buffer.concat(prompt.pieces).toString("latin1") : "";
}

/** Has the facts computed that do not need the prompt itself. */
function readAll(facts: HostFacts): void {
  void [
    facts.model,
    facts.lora,
    facts.objective,
    facts.fairnessId,
    facts.sessionKey,
    facts.pinnedSlot,
    facts.promptTokens,
  ];
  void [facts.headers, facts.stream, facts.sloTtftMs, facts.sloTpotMs];
}

function countBytes(chunks: readonly Uint8Array[]): number {
  return chunks.reduce((sum, chunk) => sum + chunk.length, 0);
}

/** Whole ms above 0 of a header's value; 0 where it is none. */
function toMs(value: string): number {
  const ms = value === "" ? 0 : Number(value);
  return ms > 0 && Number.isFinite(ms) ? Math.min(Math.ceil(ms), MAX_UINT32) : 0;
}
