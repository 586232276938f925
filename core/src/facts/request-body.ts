import type { ByteSpan } from "../rewrite/replace-spans.ts";
import { type BodyFault, type BodyTop, opaqueTop } from "./body-top.ts";
import type { FactsSource } from "./facts-types.ts";
import type { ParsedBody, RequestParser } from "./parser.ts";
import { noParserMessage } from "./parsers/request-parsers.ts";
import { noPrompt, type Prompt } from "./prompt.ts";
import type { ScannedBody } from "./scan-body.ts";

const noTop: BodyTop = { ...opaqueTop, isOpaque: false };
const noSpans: readonly ByteSpan[] = [];
const noSource: Pick<FactsSource, "path" | "body"> = { path: "", body: undefined };

/** The body of a request, read once and no further than is needed. */
export class RequestBody {
  /** Reads it; `undefined` where nothing does, or there is no body to read. */
  readonly parser: RequestParser | undefined;
  /** Whether it should name a model. */
  readonly namesModel: boolean;
  #source: Pick<FactsSource, "path" | "body">;
  readonly #readsPrompt: boolean;
  #read: ScannedBody | ParsedBody | BodyFault | undefined;
  #top: BodyTop | undefined;
  #prompt: Prompt | undefined;
  #modelSpans: readonly ByteSpan[] | undefined;

  /** @param readsPrompt whether something of the prompt is needed. */
  constructor(
    { path, body, given }: FactsSource,
    find: (path: string) => RequestParser | undefined,
    readsPrompt: boolean,
  ) {
    const hasBody = body !== undefined && given === undefined;
    this.#source = hasBody ? { path, body } : noSource;
    this.parser = hasBody ? find(path) : undefined;
    this.namesModel = this.parser?.namesModel(path) ?? given !== undefined;
    this.#readsPrompt = readsPrompt;
    if (given === undefined) return;
    const { model, stream, maxOutputTokens, cacheSalt, prompt } = given;
    this.#top = { kind: "ok", isOpaque: false, model, stream, maxOutputTokens, cacheSalt };
    this.#prompt = prompt;
  }

  /** What is wrong with it at its top level; `undefined` = nothing. */
  get fault(): string | undefined {
    const { path, body } = this.#source;
    if (body === undefined) return undefined;
    const read = this.#readOnce(body, path);
    return read.kind === "fault" ? read.message : undefined;
  }

  /** What its top level tells; nothing where it is faulty, or not there. */
  get top(): BodyTop {
    this.#top ??= this.#readTop();
    return this.#top;
  }

  /** Its prompt, where it is needed; else none. */
  get prompt(): Prompt {
    this.#prompt ??= this.#readPrompt();
    return this.#prompt;
  }

  /** Where it names its model, or could. */
  get modelSpans(): readonly ByteSpan[] {
    this.#modelSpans ??= this.namesModel ? this.#findModel() : noSpans;
    return this.#modelSpans;
  }

  /** Lets go of bytes and prompt. What else was read of it stays. */
  release(): void {
    void this.top;
    this.#source = noSource;
    this.#read = undefined;
    this.#prompt = noPrompt;
    this.#modelSpans ??= noSpans;
  }

  #readTop(): BodyTop {
    const { path, body } = this.#source;
    const read = body && this.#readOnce(body, path);
    return read?.kind === "ok" ? read.top : noTop;
  }

  #readPrompt(): Prompt {
    const { path, body } = this.#source;
    const read = body && this.#readOnce(body, path);
    return read?.kind === "ok" && "prompt" in read ? read.prompt : noPrompt;
  }

  /** A body that was parsed is scanned for its model where that is to change. */
  #findModel(): readonly ByteSpan[] {
    const { path, body } = this.#source;
    const read = body && this.#readOnce(body, path);
    if (body === undefined || read?.kind !== "ok") return noSpans;
    const scan = "modelSpans" in read ? read : this.parser?.scan(body, path);
    return scan?.kind === "ok" ? scan.modelSpans : noSpans;
  }

  #readOnce(body: readonly Uint8Array[], path: string): ScannedBody | ParsedBody | BodyFault {
    this.#read ??=
      (this.#readsPrompt ? this.parser?.parse(body, path) : this.parser?.scan(body, path)) ?? unclaimed(path);
    return this.#read;
  }
}

function unclaimed(path: string): BodyFault {
  return { kind: "fault", message: noParserMessage(path) };
}
