/** Prompts that an endpoint was sent and has not answered yet, as far as this plugin was told. */
export class EndpointWork {
  /** Uncached tokens of those prompts. */
  dueTokens = 0;
  #due = 0;
  #sinceMs = 0;

  /** A prompt was sent. */
  add(tokens: number, nowMs: number): void {
    if (this.#due === 0) this.#sinceMs = nowMs;
    this.#due += 1;
    this.dueTokens += tokens;
  }

  /** Its first token came, or never will. */
  remove(tokens: number, nowMs: number): void {
    this.#due -= 1;
    this.dueTokens = this.#due === 0 ? 0 : Math.max(0, this.dueTokens - tokens);
    this.#sinceMs = nowMs;
  }

  /** How long it has been at the prompt that it answers next, in ms; 0 where there is none. */
  busyMs(nowMs: number): number {
    return this.#due === 0 ? 0 : Math.max(0, nowMs - this.#sinceMs);
  }
}
