import type { ScrapedPage } from "@outrider/host";
import type { LabServer, ServerSample } from "../contract/index.ts";
import { createEngine, type Engine, type EngineRequest, type RequestResult } from "../engine/index.ts";
import { createAdapterSets } from "./adapter-sets.ts";
import { readPage } from "./server-page.ts";
import { epochMs, type VirtualClock } from "./virtual-clock.ts";

/** A request, or a part of one, at a server. */
export interface Work {
  /** Adapter that it asks for; empty = none. */
  readonly adapter: string;
  firstToken(): void;
  done(result: RequestResult): void;
  /** The server was lost, and the request with it. */
  lost(): void;
}

/** One life of a model server's process. */
export class Instance {
  readonly server: LabServer;
  /** From then on it takes connections, virtual ms. */
  readonly opensAtMs: number;
  readonly #clock: VirtualClock;
  readonly #startedAtS: number;
  readonly #engine: Engine;
  readonly #works = new Map<number, Work>();
  readonly #sets;
  #armedMs = Number.POSITIVE_INFINITY;
  #isLost = false;

  /** @param slowdown how much longer its steps take than the model says. */
  constructor(server: LabServer, clock: VirtualClock, opensAtMs: number, slowdown: number) {
    this.server = server;
    this.opensAtMs = opensAtMs;
    this.#clock = clock;
    this.#startedAtS = (epochMs + clock.atMs) / 1000;
    this.#engine = createEngine(server.engine);
    this.#engine.setSlowdown(slowdown, clock.atMs);
    this.#sets = createAdapterSets(server);
  }

  /** Whether it takes connections now. */
  get isOpen(): boolean {
    return !this.#isLost && this.#clock.atMs >= this.opensAtMs;
  }

  /** Tokens of one of its KV blocks. */
  get blockSizeTokens(): number {
    return this.#engine.blockSizeTokens;
  }

  /** Takes a request; `too_long` where it could never hold it, and nothing is heard of it then. */
  submit(request: EngineRequest, work: Work): "queued" | "too_long" {
    const answer = this.#engine.submit(request, this.#clock.atMs);
    if (answer === "queued") this.#works.set(request.id, work);
    this.#arm();
    return answer;
  }

  /** Ends a request without a word; nothing happens where it has ended. */
  abort(id: number): void {
    if (!this.#works.delete(id)) return;
    this.#engine.abort(id, this.#clock.atMs);
    this.#arm();
  }

  /** Tokens that a request has generated so far. */
  tokensOf(id: number): number {
    return this.#engine.tokensOf(id, this.#clock.atMs);
  }

  setSlowdown(factor: number): void {
    this.#engine.setSlowdown(factor, this.#clock.atMs);
    this.#arm();
  }

  /** It is gone at once: what is under way there is lost. */
  lose(): void {
    this.#isLost = true;
    const works = [...this.#works.values()];
    this.#works.clear();
    for (const work of works) work.lost();
  }

  /** What its page of metrics says now. */
  page(): ScrapedPage {
    this.#advance();
    return readPage(this.server, this.#engine, this.#startedAtS, this.#sets.read(this.#using()));
  }

  /** Where it stands now. */
  sample(): Pick<ServerSample, "running" | "waiting" | "kvUsage"> {
    this.#advance();
    const { running, waiting, kvUsage } = this.#engine.stats();
    return { running, waiting, kvUsage };
  }

  *#using(): Iterable<readonly [string, boolean]> {
    for (const [id, { adapter }] of this.#works) if (adapter !== "") yield [adapter, this.#engine.isRunning(id)];
  }

  /** Has itself woken when the engine's next event can come. */
  #arm(): void {
    const nextMs = this.#engine.nextStepAtMs();
    if (nextMs >= this.#armedMs) return;
    this.#armedMs = nextMs;
    this.#clock.at(nextMs, () => this.#wake(nextMs));
  }

  #wake(dueMs: number): void {
    if (this.#isLost || dueMs !== this.#armedMs) return;
    this.#armedMs = Number.POSITIVE_INFINITY;
    this.#advance();
    this.#arm();
  }

  #advance(): void {
    for (const event of this.#engine.step(this.#clock.atMs)) {
      const work = this.#works.get(event.id);
      if (event.kind === "first_token") work?.firstToken();
      if (event.kind !== "done") continue;
      this.#works.delete(event.id);
      work?.done(event.result);
    }
  }
}
