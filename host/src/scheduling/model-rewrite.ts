import {
  createNameRewriter,
  createRandom,
  deriveSeed,
  type FactsSource,
  type HostFacts,
  type NameRewriter,
  replaceModel,
} from "@outrider/core";
import { refuse } from "./refusals.ts";
import type { RequestRules } from "./request-rules.ts";
import type { IncomingRequest, ModelRewrite, Refusal } from "./types.ts";

/** Request headers that name the model to ask for in place of the body's; the first that is not blank counts. */
const rewriteHeaders = ["x-llm-d-model-name-rewrite", "x-gateway-model-name-rewrite"] as const;

/** Longest name that a model is rewritten to, in characters. */
const maxModelLength = 1_024;
/** Index from which the seed of the choice among a rule's targets is derived, behind those of the cycle. */
const targetSeed = 1 << 19;

/** Finds the model that each request asks for in the place of its client's: a rule's, else its headers'. */
export class TargetChoice {
  #rules: RequestRules | undefined;
  #seed = 0;
  #rule = "";

  /** Rule that chose the model of the request that was begun last; empty = none did. */
  get rule(): string {
    return this.#rule;
  }

  /** The next model that is asked for is that of one request. @param seed of its decision. */
  begin(rules: RequestRules, seed: number): void {
    this.#rules = rules;
    this.#seed = seed;
    this.#rule = "";
  }

  /** Model to ask for; `undefined` = the client's. */
  targetOf(clientModel: string, source: Pick<FactsSource, "header">): string | undefined {
    const ruled = this.#rules?.rewritesModels
      ? this.#rules.rewriteOf(clientModel, createRandom(deriveSeed(this.#seed, targetSeed)))
      : undefined;
    if (ruled === undefined) return clientModel === "" ? undefined : targetOfHeaders(source);
    this.#rule = ruled.rule;
    return ruled.model;
  }
}

/** Model that a request's headers ask for; `undefined` = the body's. */
export function targetOfHeaders(request: Pick<FactsSource, "header">): string | undefined {
  for (const name of rewriteHeaders) {
    const target = request.header(name)?.trim();
    if (target !== undefined && target !== "") return target;
  }
  return undefined;
}

/** Why a request's model cannot be rewritten as it should; `undefined` where it can, or is not to be. */
export function refuseRewrite(request: IncomingRequest, { model, clientModel }: HostFacts): Refusal | undefined {
  if (request.isBodyHidden && targetOfHeaders(request) !== undefined) {
    const remedy = "its request body mode must be FULL_DUPLEX_STREAMED or BUFFERED";
    return refuse("Internal", `the gateway hides the request body, so its model cannot be rewritten: ${remedy}`);
  }
  if (model === clientModel || isModelName(model)) return undefined;
  return refuse("BadRequest", `the model to rewrite to must be text of at most ${maxModelLength} characters`);
}

/** What a request's rewrite changes; `undefined` where its model keeps its name. */
export function prepareRewrite({ body }: IncomingRequest, facts: HostFacts): ModelRewrite | undefined {
  const { model, clientModel, modelSpans } = facts;
  if (model === clientModel) return undefined;
  const rewritten = body && replaceModel(body, modelSpans, model);
  return new NameRewrite(model, clientModel, rewritten);
}

class NameRewrite implements ModelRewrite {
  readonly model: string;
  readonly #clientModel: string;
  body: readonly Uint8Array[] | undefined;

  constructor(model: string, clientModel: string, body: readonly Uint8Array[] | undefined) {
    this.model = model;
    this.#clientModel = clientModel;
    this.body = body;
  }

  respond(): NameRewriter | undefined {
    return this.#clientModel === "" ? undefined : createNameRewriter(this.model, this.#clientModel);
  }

  releaseBody(): void {
    this.body = undefined;
  }
}

/** Headers are read as UTF-8: what is none has become a replacement character. */
function isModelName(model: string): boolean {
  return model.length <= maxModelLength && !/[\p{Cc}\p{Cs}\ufffd]/u.test(model);
}
