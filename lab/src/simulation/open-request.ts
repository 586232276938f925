import { type DecisionRecord, type DoneCause, prefillHeader } from "@outrider/core";
import type { Refusal, Routed } from "@outrider/host";
import type { LabRequest, OutcomeKind, RequestOutcome, Scenario } from "../contract/index.ts";
import type { RequestResult } from "../engine/index.ts";
import type { QueuedEvent } from "./event-queue.ts";
import type { Fleet } from "./fleet.ts";
import { toEngineKeys } from "./given-blocks.ts";
import { IncomingLabRequest } from "./incoming.ts";
import type { Instance, Work } from "./instance.ts";
import type { LabHost } from "./lab-host.ts";
import type { PicksDigest } from "./picks.ts";
import type { SessionHeaders } from "./session-headers.ts";
import { type ShownResponse, showResponse } from "./shown-response.ts";
import type { VirtualClock } from "./virtual-clock.ts";

/** What all requests of a simulation share. */
export interface RequestContext {
  readonly scenario: Pick<Scenario, "clientTimeoutMs" | "overheadMs" | "kvTransferUsPerToken">;
  readonly clock: VirtualClock;
  readonly fleet: Fleet;
  readonly host: LabHost;
  readonly picks: PicksDigest;
  readonly sessions: SessionHeaders;
  /** Next number of a request, or of its part, at an engine. */
  nextWork(): number;
  /** A decision waits for answers (1) or has got them (-1). */
  deciding(change: 1 | -1): void;
  /** Something threw where nobody waits for it: the run is over. */
  failed(cause: unknown): void;
  ended(outcome: RequestOutcome): void;
}

/** As `progress` events are: a chunk within that time of the request says nothing, the next one does. */
const progressMs = 50;
const lostStatus = 503;

/** A request from its client to its end, which comes exactly once. */
export class OpenRequest {
  readonly number: number;
  readonly request: LabRequest;
  readonly #context: RequestContext;
  readonly #sentMs: number;
  readonly #timers: QueuedEvent[] = [];
  #routed: Routed | undefined;
  #shown: ShownResponse | undefined;
  #served = "";
  #server = -1;
  #prefillServer = -1;
  #at: { readonly instance: Instance; readonly id: number } | undefined;
  #status = 0;
  #firstMs = Number.NaN;
  #cachedTokens = 0;
  #believedTokens = Number.NaN;
  #decisionMs = 0;
  #hasEnded = false;

  constructor(context: RequestContext, number: number, request: LabRequest) {
    this.#context = context;
    this.number = number;
    this.request = request;
    this.#sentMs = context.clock.atMs;
  }

  /** Its client sends it. */
  send(): void {
    const { host, sessions, scenario, deciding, failed } = this.#context;
    const { abortAfterMs, sessionKey } = this.request;
    if (scenario.clientTimeoutMs < Number.POSITIVE_INFINITY)
      this.#after(scenario.clientTimeoutMs, () => this.#leave("timed_out"));
    if (abortAfterMs > 0) this.#after(abortAfterMs, () => this.#leave("aborted"));
    const verdict = host.scheduler.decide(new IncomingLabRequest(this.request, sessions.of(sessionKey)));
    if (!(verdict instanceof Promise)) {
      this.#decided(verdict);
      return;
    }
    deciding(1);
    verdict
      .then((made) => {
        deciding(-1);
        this.#decided(made);
      })
      .catch(failed);
  }

  #decided(verdict: Routed | Refusal): void {
    const { host, clock, scenario } = this.#context;
    const record = host.takeRecord();
    if (verdict.kind === "refused") {
      this.#context.picks.add(this.number, verdict.code);
      if (!this.#hasEnded) this.#end("refused", verdict.status);
      return;
    }
    this.#routed = verdict;
    this.#notePick(verdict, record);
    this.#shown = showResponse(verdict);
    this.#decisionMs = clock.atMs - this.#sentMs;
    if (this.#hasEnded) this.#shown.end("client_cancelled");
    else if (scenario.overheadMs > 0) this.#after(scenario.overheadMs, () => this.#arrive());
    else this.#arrive();
  }

  #notePick(routed: Routed, record: DecisionRecord | undefined): void {
    const { fleet, picks, host } = this.#context;
    const prefiller = routed.setHeaders.find(([name]) => name === prefillHeader)?.[1] ?? "";
    const names = [...routed.destinations, prefiller].map((address) => nameOf(fleet, address));
    picks.add(this.number, ...names);
    this.#served = routed.destinations[0] ?? "";
    this.#server = fleet.indexOf(this.#served);
    this.#prefillServer = fleet.indexOf(prefiller);
    const computes = this.#prefillServer < 0 ? this.#server : this.#prefillServer;
    if (record !== undefined && computes >= 0) {
      this.#believedTokens = host.believedTokens(record, fleet.server(computes).name);
    }
  }

  /** It reaches the first of its endpoints that takes connections. */
  #arrive(): void {
    const { fleet } = this.#context;
    const open = (this.#routed?.destinations ?? []).find((address) => fleet.instance(fleet.indexOf(address))?.isOpen);
    if (open === undefined) {
      this.#lose();
      return;
    }
    this.#served = open;
    this.#server = fleet.indexOf(open);
    const prefiller = fleet.instance(this.#prefillServer);
    if (prefiller?.isOpen === true) this.#prefill(prefiller);
    else this.#alone();
  }

  /** Has the prompt computed elsewhere; what cannot be is computed where the answer is. */
  #prefill(prefiller: Instance): void {
    const { clock, scenario } = this.#context;
    const { promptTokens } = this.request;
    const work: Work = {
      adapter: this.#adapterAt(prefiller),
      firstToken() {},
      done: ({ cachedTokens }) => {
        this.#cachedTokens = cachedTokens;
        const transferMs = (scenario.kvTransferUsPerToken * promptTokens) / 1000;
        this.#timers.push(clock.after(transferMs, () => this.#decode(promptTokens)));
      },
      lost: () => this.#alone(),
    };
    if (!this.#submit(prefiller, work, 1, 0)) this.#alone();
  }

  /** Has the prompt computed where the answer is. */
  #alone(): void {
    this.#prefillServer = -1;
    this.#decode(0);
  }

  #decode(transferredTokens: number): void {
    const instance = this.#context.fleet.instance(this.#server);
    if (instance?.isOpen !== true) {
      this.#lose();
      return;
    }
    const work: Work = {
      adapter: this.#adapterAt(instance),
      firstToken: () => this.#firstToken(),
      done: (result) => this.#done(result),
      lost: () => this.#lose(),
    };
    if (!this.#submit(instance, work, this.request.outputTokens, transferredTokens)) this.#answer(400, "failed");
  }

  #submit(instance: Instance, work: Work, outputTokens: number, transferredTokens: number): boolean {
    const { promptTokens, blockKeys } = this.request;
    const id = this.#context.nextWork();
    const keys = toEngineKeys(blockKeys, instance.blockSizeTokens, work.adapter);
    const asked = { id, promptTokens, outputTokens, blockKeys: keys, transferredTokens };
    if (instance.submit(asked, work) === "too_long") return false;
    this.#at = { instance, id };
    return true;
  }

  #firstToken(): void {
    const { clock, host, sessions } = this.#context;
    const shown = this.#shown;
    this.#firstMs = clock.atMs;
    this.#headers(200);
    shown?.token();
    if (this.#routed !== undefined) sessions.remember(this.request.sessionKey, this.#routed);
    const sinceMs = clock.atMs - this.#sentMs;
    if (host.tellsProgress && sinceMs < progressMs) this.#after(progressMs - sinceMs, () => shown?.token());
  }

  #headers(status: number): void {
    this.#status = status;
    this.#shown?.headers(status, this.#served);
  }

  #done(result: RequestResult): void {
    const { promptTokens, cachedTokens, outputTokens } = result;
    if (this.#prefillServer < 0) this.#cachedTokens = cachedTokens;
    const usage = { promptTokens, cachedTokens: this.#cachedTokens, outputTokens };
    const times = { ttftMs: this.#firstMs - this.#sentMs, e2eMs: this.#context.clock.atMs - this.#sentMs };
    this.#shown?.whole(this.#status, usage, times);
    this.#close("ok", "ok", outputTokens);
  }

  /** Its server cannot be reached, or was lost. */
  #lose(): void {
    if (Number.isNaN(this.#firstMs)) this.#answer(lostStatus, "failed");
    else this.#close("failed", "upstream_error", this.#tokensSoFar());
  }

  /** It is answered without a token. */
  #answer(status: number, kind: OutcomeKind): void {
    this.#headers(status);
    this.#close(kind, "ok", 0);
  }

  /** Its client goes away. */
  #leave(kind: "timed_out" | "aborted"): void {
    const outputTokens = this.#tokensSoFar();
    this.#at?.instance.abort(this.#at.id);
    this.#close(kind, "client_cancelled", outputTokens);
  }

  #close(kind: OutcomeKind, cause: DoneCause, outputTokens: number): void {
    this.#shown?.end(cause);
    this.#end(kind, this.#status, outputTokens);
  }

  #end(kind: OutcomeKind, status: number, outputTokens = 0): void {
    const { clock } = this.#context;
    this.#hasEnded = true;
    for (const timer of this.#timers) clock.cancel(timer);
    this.#context.ended({
      number: this.number,
      request: this.request,
      kind,
      status,
      sentMs: this.#sentMs,
      server: this.#server,
      prefillServer: this.#prefillServer,
      ttftMs: this.#firstMs - this.#sentMs,
      endMs: clock.atMs,
      outputTokens,
      cachedTokens: this.#cachedTokens,
      believedTokens: this.#believedTokens,
      decisionMs: this.#decisionMs,
    });
  }

  #adapterAt({ server }: Instance): string {
    const { model } = this.request;
    return server.adapters.includes(model) ? model : "";
  }

  #tokensSoFar(): number {
    return this.#at?.instance.tokensOf(this.#at.id) ?? 0;
  }

  #after(delayMs: number, callback: () => void): void {
    this.#timers.push(this.#context.clock.after(delayMs, callback));
  }
}

function nameOf(fleet: Fleet, address: string): string {
  const index = fleet.indexOf(address);
  return index < 0 ? address : fleet.server(index).name;
}
