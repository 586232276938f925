import type { CycleCall } from "@outrider/core";
import type { Need, RequestFacts } from "@outrider/core/contract";
import { type FactGrants, noFacts, toFactGrants } from "@outrider/transport";
import { ShadowCall } from "./shadow-call.ts";

/** A call with the facts that a module was granted, as it would find them on a thread or in a process. */
export function createInlineView(granted: readonly Need[]): (call: CycleCall) => CycleCall {
  const grants = toFactGrants(granted);
  return (call) => new GrantedCall(call, grants);
}

class GrantedCall extends ShadowCall {
  readonly #inner: CycleCall;
  readonly #grants: FactGrants;
  #request: RequestFacts | undefined;

  constructor(inner: CycleCall, grants: FactGrants) {
    super(inner);
    this.#inner = inner;
    this.#grants = grants;
  }

  override get request(): RequestFacts {
    this.#request ??= new GrantedFacts(this.#inner.request, this.#grants);
    return this.#request;
  }

  override veto(position: number): void {
    this.#inner.veto(position);
  }
}

const noWords = new Uint32Array(0);

/** Facts at their defaults where they were not granted; none is computed before it is read. */
class GrantedFacts implements RequestFacts {
  readonly #facts: RequestFacts;
  readonly #grants: FactGrants;

  constructor(facts: RequestFacts, grants: FactGrants) {
    this.#facts = facts;
    this.#grants = grants;
  }

  get model(): string {
    return this.#facts.model;
  }

  get promptTokens(): number {
    return this.#facts.promptTokens;
  }

  get lora(): string {
    return this.#grants.lora ? this.#facts.lora : noFacts.lora;
  }

  get priority(): number {
    return this.#grants.priority ? this.#facts.priority : noFacts.priority;
  }

  get objective(): string {
    return this.#grants.objective ? this.#facts.objective : noFacts.objective;
  }

  get fairnessId(): string {
    return this.#grants.fairnessId ? this.#facts.fairnessId : noFacts.fairnessId;
  }

  get sessionKey(): string {
    return this.#grants.sessionKey ? this.#facts.sessionKey : noFacts.sessionKey;
  }

  get pinnedSlot(): number {
    return this.#grants.pinnedSlot ? this.#facts.pinnedSlot : noFacts.pinnedSlot;
  }

  get promptText(): string {
    const { promptTextBytes } = this.#grants;
    return promptTextBytes === 0 ? noFacts.promptText : cut(this.#facts.promptText, promptTextBytes);
  }

  get tokenIds(): Uint32Array {
    const { tokenIds } = this.#grants;
    return tokenIds === 0 ? noWords : this.#facts.tokenIds.subarray(0, tokenIds);
  }

  get blockHashes(): Uint32Array {
    return this.#grants.blockHashes ? this.#facts.blockHashes : noWords;
  }

  get blockSizeTokens(): number {
    return this.#grants.blockHashes ? this.#facts.blockSizeTokens : noFacts.blockSizeTokens;
  }

  get headers(): Readonly<Record<string, string>> {
    const { headers } = this.#facts;
    const names = this.#grants.headers.filter((name) => headers[name] !== undefined);
    return Object.fromEntries(names.map((name) => [name, headers[name]!]));
  }

  get maxOutputTokens(): number {
    return this.#grants.maxOutputTokens ? this.#facts.maxOutputTokens : noFacts.maxOutputTokens;
  }

  get stream(): boolean {
    return this.#grants.stream ? this.#facts.stream : noFacts.stream;
  }

  get requestId(): string {
    return this.#grants.requestId ? this.#facts.requestId : noFacts.requestId;
  }

  get sloTtftMs(): number {
    return this.#grants.slo ? this.#facts.sloTtftMs : noFacts.sloTtftMs;
  }

  get sloTpotMs(): number {
    return this.#grants.slo ? this.#facts.sloTpotMs : noFacts.sloTpotMs;
  }
}

/** Text of at most so many bytes of UTF-8, cut between characters. */
function cut(text: string, maxBytes: number): string {
  if (text.length * 3 <= maxBytes) return text;
  const bytes = Buffer.alloc(Math.min(maxBytes, Buffer.byteLength(text)));
  return bytes.toString("utf8", 0, bytes.write(text));
}
