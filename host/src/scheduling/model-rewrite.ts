import { createNameRewriter, type FactsSource, type HostFacts, type NameRewriter, replaceSpans } from "@outrider/core";
import { refuse } from "./refusals.ts";
import type { IncomingRequest, ModelRewrite, Refusal } from "./types.ts";

/** Request headers that name the model to ask for in place of the body's; the first that is not blank counts. */
const rewriteHeaders = ["x-llm-d-model-name-rewrite", "x-gateway-model-name-rewrite"] as const;

/** Longest name that a model is rewritten to, in characters. */
const maxModelLength = 1_024;

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
  const rewritten = body && replaceSpans(body, modelSpans, Buffer.from(JSON.stringify(model)));
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

  respond(): NameRewriter {
    return createNameRewriter(this.model, this.#clientModel);
  }

  releaseBody(): void {
    this.body = undefined;
  }
}

/** Headers are read as UTF-8: what is none has become a replacement character. */
function isModelName(model: string): boolean {
  return model.length <= maxModelLength && !/[\p{Cc}\p{Cs}\ufffd]/u.test(model);
}
