import { prefixSeed } from "../hash/index.ts";
import type { ByteSpan } from "../rewrite/replace-spans.ts";
import type { SessionPins } from "../sessions/types.ts";
import type { AnswerStart } from "./answer-reader.ts";
import { type AnswerForm, answerFrames } from "./answer-text.ts";
import { readsPrompt } from "./fact-needs.ts";
import type { FactsSettings, FactsSource, HostFacts } from "./facts-types.ts";
import type { RequestParser } from "./parser.ts";
import { defaultParsers } from "./parsers/request-parsers.ts";
import { noPrompt, type Prompt } from "./prompt.ts";
import { countPromptTokens, hashOnwards, hashPrompt, TOKEN_BYTES } from "./prompt-hashes.ts";
import { RequestBody } from "./request-body.ts";
import { defaultSessionSources, readSessionKey, toSessionKey } from "./session-key.ts";

const MAX_UINT32 = 2 ** 32 - 1;
const noWords = new Uint32Array(0);
const noSource: FactsSource = { path: "", header: () => undefined, body: undefined };

/** Message for a body without a model, as the reference EPP words it. */
export const modelNotFound = "model not found in request body";

/** Facts of one request, each computed when it is first read. */
export function createRequestFacts(source: FactsSource, requestId: string, settings: FactsSettings): HostFacts {
  return new SourceFacts(source, requestId, settings);
}

class SourceFacts implements HostFacts {
  readonly requestId: string;
  readonly #settings: FactsSettings;
  #source: FactsSource;
  readonly #body: RequestBody;
  #model: string | undefined;
  #promptText: string | undefined;
  #promptTokens = -1;
  #multimodal: boolean | undefined;
  #hashes: Map<number, Uint32Array> | undefined;
  #answerStart: AnswerStart | undefined;
  #headers: Readonly<Record<string, string>> | undefined;
  #objective: string | undefined;
  #fairnessId: string | undefined;
  #sessionKey: string | undefined;
  #sloTtftMs: number | undefined;
  #sloTpotMs: number | undefined;
  #lora: string | undefined;
  #pins: Pick<SessionPins, "slots" | "pinnedSlot"> | undefined;

  constructor(source: FactsSource, requestId: string, settings: FactsSettings) {
    this.#source = source;
    this.#settings = settings;
    this.requestId = requestId;
    const { parsers = defaultParsers, needs } = settings;
    this.#body = new RequestBody(source, parsers.find, readsPrompt(needs));
  }

  get parser(): RequestParser | undefined {
    return this.#body.parser;
  }

  get clientModel(): string {
    return this.#body.namesModel ? this.#body.top.model : "";
  }

  get modelSpans(): readonly ByteSpan[] {
    return this.#body.modelSpans;
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
    return this.#pins?.pinnedSlot ?? -1;
  }

  get pins(): ReadonlyMap<string, number> | undefined {
    return this.#pins?.slots;
  }

  pin({ slots, pinnedSlot }: Pick<SessionPins, "slots" | "pinnedSlot">): void {
    this.#pins = { slots, pinnedSlot };
  }

  get promptTokens(): number {
    if (this.#promptTokens < 0) this.#promptTokens = this.#countTokens();
    return this.#promptTokens;
  }

  get promptText(): string {
    const prompt = this.#settings.needs.promptText ? this.#body.prompt : noPrompt;
    this.#promptText ??= toText(prompt);
    return this.#promptText;
  }

  get tokenIds(): Uint32Array {
    const prompt = this.#settings.needs.tokenIds ? this.#body.prompt : noPrompt;
    return prompt.kind === "tokens" ? prompt.tokenIds : noWords;
  }

  get multimodal(): boolean {
    this.#multimodal ??= this.#settings.needs.multimodal && isMultimodal(this.#body.prompt);
    return this.#multimodal;
  }

  get blockHashes(): Uint32Array {
    return this.blockHashesOf(this.blockSizeTokens);
  }

  get blockSizeTokens(): number {
    return this.#settings.needs.blockSizesTokens[0] ?? 0;
  }

  get answerStart(): AnswerStart | undefined {
    return this.#answerStart;
  }

  get headers(): Readonly<Record<string, string>> {
    this.#headers ??= this.#readHeaders();
    return this.#headers;
  }

  get maxOutputTokens(): number {
    return this.#body.top.maxOutputTokens;
  }

  get stream(): boolean {
    return this.#body.top.stream;
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
    const { fault, namesModel } = this.#body;
    if (fault !== undefined) return fault;
    if (namesModel && this.model === "") return modelNotFound;
    const { prompt } = this.#body;
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
    this.#body.release();
    this.#source = noSource;
    this.#promptText = undefined;
  }

  #toTarget(clientModel: string): string {
    if (clientModel === "" && !this.#body.namesModel) return "";
    return this.#settings.targetOf?.(clientModel, this.#source) ?? clientModel;
  }

  #header(name: string): string {
    return this.#source.header(name) ?? "";
  }

  #countTokens(): number {
    const { body, given } = this.#source;
    if (given !== undefined) return given.promptTokens || (countPromptTokens(given.prompt) ?? 0);
    if (body === undefined || this.#body.top.isOpaque) return 0;
    return countPromptTokens(this.#body.prompt) ?? Math.ceil(countBytes(body) / TOKEN_BYTES);
  }

  #hash(blockSizeTokens: number): Uint32Array {
    const seed = prefixSeed(this.model, this.lora, this.#body.top.cacheSalt);
    const maxTokens = this.#settings.maxPrefixTokens ?? 131_072;
    const { given } = this.#source;
    if (given?.blockHashes !== undefined)
      return given.blockHashes(blockSizeTokens, Math.floor(maxTokens / blockSizeTokens), seed);
    const { prompt } = this.#body;
    const form = this.#answerForm(blockSizeTokens);
    if (form === undefined) return hashPrompt(prompt, blockSizeTokens, maxTokens, seed);
    const { hashes, next } = hashOnwards(prompt, blockSizeTokens, maxTokens, seed);
    if (next !== undefined) this.#answerStart = { form, chain: next, ...answerFrames[form] };
    return hashes;
  }

  /** How its answer stands in the response, where that goes on behind the prompt and somebody wants its hashes. */
  #answerForm(blockSizeTokens: number): AnswerForm | undefined {
    if (!this.#settings.needs.answerBlocks || blockSizeTokens !== this.blockSizeTokens) return undefined;
    const { parser, prompt } = this.#body;
    const isOpen = prompt.kind === "ascii" || (prompt.kind === "text" && prompt.endsInAnswer !== true);
    return isOpen ? parser?.answerForm(this.#source.path) : undefined;
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

function isMultimodal(prompt: Prompt): boolean {
  return (prompt.kind === "text" || prompt.kind === "tokens") && prompt.isMultimodal === true;
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
    facts.promptTokens,
    facts.multimodal,
  ];
  if (facts.model !== facts.clientModel) void facts.modelSpans;
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
