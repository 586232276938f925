import type { GivenFacts } from "@outrider/core";
import type { IncomingRequest } from "@outrider/host";
import type { LabRequest } from "../contract/index.ts";
import { hashKeys } from "./given-blocks.ts";

type Headers = Readonly<Record<string, string>>;

/** A modelled request as a gateway hands it in that has read the body: facts, and no text. */
export class IncomingLabRequest implements IncomingRequest {
  readonly door = "pick";
  readonly path = "/v1/chat/completions";
  readonly body = undefined;
  readonly isBodyHidden = false;
  readonly subset = undefined;
  readonly given: GivenFacts;
  readonly #request: LabRequest;
  readonly #remembered: Headers | undefined;

  /** @param remembered headers that its client was told to send again; `undefined` = none. */
  constructor(request: LabRequest, remembered: Headers | undefined) {
    this.#request = request;
    this.#remembered = remembered;
    this.given = {
      model: request.model,
      stream: true,
      maxOutputTokens: request.maxOutputTokens ?? 0,
      cacheSalt: "",
      prompt: noPrompt,
      promptTokens: request.promptTokens,
      sessionKey: "",
      blockHashes: (size, maxBlocks, seed) => hashKeys(request, size, maxBlocks, seed),
    };
  }

  header(name: string): string | undefined {
    const { headers, sessionKey, sloTtftMs, sloTpotMs } = this.#request;
    const own = headers[name] ?? this.#remembered?.[name];
    if (own !== undefined) return own;
    if (name === sessionHeader) return sessionKey === "" ? undefined : sessionKey;
    if (name === "x-llm-d-slo-ttft-ms") return sloTtftMs > 0 ? String(sloTtftMs) : undefined;
    if (name === "x-llm-d-slo-tpot-ms") return sloTpotMs > 0 ? String(sloTpotMs) : undefined;
    return undefined;
  }
}

/** Header that names a request's session where a configuration names no other. */
const sessionHeader = "x-session-id";
const noPrompt = { kind: "none" } as const;
