import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Engine } from "@outrider/lab/engine";
import { type AnswerHead, createStreamParts, type StreamParts } from "./answers.ts";
import { type Context, createContext } from "./context.ts";
import { badRequest, type InferenceRequest, type RequestFault } from "./request-body.ts";

/** What a server offers. */
export interface Offer {
  /** Names the model is served under, its own first; `*` takes any. */
  readonly models: readonly string[];
  /** Names of LoRA adapters, served besides. */
  readonly adapters: readonly string[];
  /** Length of an answer whose request sets no limit, in tokens. */
  readonly defaultOutputTokens: number;
}

/** One answer in the making. */
export interface Generation {
  /** Its id in the engine. */
  readonly id: number;
  /** What was asked for. */
  readonly request: InferenceRequest;
  /** The adapter asked for, if any. */
  readonly adapter: string | undefined;
  /** Prompt and answer. */
  readonly context: Context;
  /** Length of the answer. */
  readonly outputTokens: number;
  /** What every part of the answer repeats. */
  readonly head: AnswerHead;
  /** How it is streamed; undefined: it is answered in one piece. */
  readonly stream: StreamParts | undefined;
  /** Where it goes. */
  readonly response: ServerResponse;
  /** When it was submitted, in engine ms. */
  readonly submittedMs: number;
  /** Tokens put into the stream. */
  told: number;
  /** What of the stream waits to be written. */
  pending: string;
}

/** Submits a request to the engine, or says why not. */
export function startGeneration(
  engine: Engine,
  offer: Offer,
  request: InferenceRequest,
  id: number,
  submittedMs: number,
  message: IncomingMessage,
  response: ServerResponse,
): Generation | RequestFault {
  const model = request.model ?? offer.models[0];
  const adapter = offer.adapters.find((name) => name === model);
  if (adapter === undefined && !offer.models.includes(model) && !offer.models.includes("*")) return unknownModel(model);
  const outputTokens = request.maxTokens ?? offer.defaultOutputTokens;
  if (outputTokens > engine.maxModelTokens) return tooLong(engine, outputTokens);
  const seed = JSON.stringify([adapter ?? "", request.cacheSalt]);
  const context = createContext(request.prompt, outputTokens, engine.blockSizeTokens, seed);
  const { promptTokens, blockKeys } = context;
  const { stream: isStreamed, transfer } = request;
  const transferredTokens = transfer.kind === "prefilled" ? transfer.blocks * engine.blockSizeTokens : 0;
  const asked = { id, promptTokens, outputTokens, blockKeys, transferredTokens, stream: isStreamed };
  const submitted = engine.submit(asked, submittedMs);
  if (submitted === "too_long") return tooLong(engine, promptTokens + outputTokens);
  const head = createHead(request, model, message);
  const stream = isStreamed ? createStreamParts(head) : undefined;
  return { id, request, adapter, context, outputTokens, head, stream, response, submittedMs, told: 0, pending: "" };
}

/** The answer's id is the request's, where the client gave one. */
function createHead({ api }: InferenceRequest, model: string, { headers }: IncomingMessage): AnswerHead {
  const given = headers["x-request-id"];
  const id = typeof given === "string" ? given : randomUUID();
  return { api, id: `${api === "chat" ? "chatcmpl" : "cmpl"}-${id}`, createdS: Math.floor(Date.now() / 1000), model };
}

function unknownModel(model: string): RequestFault {
  return { message: `The model \`${model}\` does not exist.`, type: "NotFoundError", param: "model", code: 404 };
}

function tooLong({ maxModelTokens }: Engine, tokens: number): RequestFault {
  const message = `This model's maximum context length is ${maxModelTokens} tokens. However, you requested ${tokens} tokens.`;
  return badRequest(message, null);
}
