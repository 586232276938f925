import { headerOf } from "../passed-headers.ts";
import type { Upstream, UpstreamExchange, UpstreamListener } from "../upstream/types.ts";

/** One model as its server shows it: whatever it says, under the name of `id`. */
export interface ModelCard {
  readonly id: string;
  readonly [field: string]: unknown;
}

/** What a model server said when it was asked for its models. */
export type ModelsReply =
  | { readonly kind: "listed"; readonly cards: readonly ModelCard[] }
  | { readonly kind: "failed"; readonly reason: string };

/** What model servers are asked with. */
export interface ModelsQuestion {
  readonly endpoint: string;
  /** The client's `authorization` header; `undefined` = none. */
  readonly authorization: string | undefined;
  /** Longest time until the whole answer, in ms. */
  readonly timeoutMs: number;
  /** Longest answer that is read, in bytes. */
  readonly maxBytes: number;
}

/** Asks a model server for its models; never rejects. */
export function askModels(upstream: Upstream, question: ModelsQuestion): Promise<ModelsReply> {
  return new Promise((resolve) => new Asking(upstream, question, resolve).start());
}

class Asking implements UpstreamListener {
  readonly #exchange: UpstreamExchange;
  readonly #question: ModelsQuestion;
  readonly #resolve: (reply: ModelsReply) => void;
  #timer: NodeJS.Timeout | undefined;
  readonly #chunks: Buffer[] = [];
  #bytes = 0;

  constructor(upstream: Upstream, question: ModelsQuestion, resolve: (reply: ModelsReply) => void) {
    const { endpoint, authorization } = question;
    const headers = authorization === undefined ? [] : ["authorization", authorization];
    headers.push("accept", "application/json");
    const request = { endpoint, method: "GET", path: "/v1/models", headers, body: [], bodyBytes: 0 };
    this.#exchange = upstream.exchange(request, this);
    this.#question = question;
    this.#resolve = resolve;
  }

  start(): void {
    const { timeoutMs } = this.#question;
    this.#timer = setTimeout(() => this.#giveUp(`did not answer within ${timeoutMs} ms`), timeoutMs);
    this.#exchange.start();
  }

  sent(): void {}

  began(status: number, headers: readonly string[]): void {
    if (status !== 200) this.#giveUp(`answered ${status}`);
    else if (headerOf(headers, "content-encoding") !== undefined) this.#giveUp("answered in an encoding");
  }

  chunk(bytes: Buffer): void {
    this.#bytes += bytes.length;
    if (this.#bytes > this.#question.maxBytes) this.#giveUp(`answered more than ${this.#question.maxBytes} bytes`);
    else this.#chunks.push(bytes);
  }

  ended(): void {
    const cards = parseCards(Buffer.concat(this.#chunks).toString());
    this.#end(cards === undefined ? failed("answered no list of models") : { kind: "listed", cards });
  }

  failed({ error }: { readonly error: Error }): void {
    this.#end(failed(error.message));
  }

  #giveUp(reason: string): void {
    this.#exchange.cancel();
    this.#end(failed(reason));
  }

  #end(reply: ModelsReply): void {
    clearTimeout(this.#timer);
    this.#resolve(reply);
  }
}

function failed(reason: string): ModelsReply {
  return { kind: "failed", reason };
}

/** Models of an OpenAI list; entries without a name are left out. `undefined` for what is no list. */
function parseCards(text: string): readonly ModelCard[] | undefined {
  const value = parseJson(text);
  if (typeof value !== "object" || value === null || !("data" in value) || !Array.isArray(value.data)) return undefined;
  return value.data.filter(isCard);
}

function isCard(value: unknown): value is ModelCard {
  return typeof value === "object" && value !== null && "id" in value && typeof value.id === "string";
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
