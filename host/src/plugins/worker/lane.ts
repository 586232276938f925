import type { CycleClock, EndpointSnapshot } from "@outrider/core";
import type { EndpointChange, FeedbackEvent } from "@outrider/core/contract";
import { type CallPost, createCallPost } from "./call-post.ts";
import { absoluteNow, type CreateMessage, type FromThread, type ThreadAnswer } from "./messages.ts";
import { createPostedTables, type PostedTables } from "./posted-tables.ts";
import { startThread, type ThreadHandle } from "./thread-handle.ts";
import type { WorkerCall } from "./worker-call.ts";

/** Calls that a thread is handed beyond those it has answered: the next is there when one ends, and a turn is short. */
const callsAhead = 2;
/** Events that a thread is behind by when further ones are dropped. */
const mostUnheard = 8192;

/** What a lane tells the pool. */
export interface LaneEvents {
  /** Its thread runs, without instances. */
  opened(): void;
  /** Its thread does not run any more, or did not start; its calls have failed. `blamed`: whose code it ran; 0 = unknown. */
  lost(why: string, blamed: number): void;
  /** Something about an instance, or output. */
  heard(message: Exclude<FromThread, { readonly kind: "answers" }>): void;
  /** Events of an instance were dropped. */
  dropped(instance: number): void;
  /** The call whose turn it is on this lane; `undefined` = none waits. */
  next(): WorkerCall | undefined;
}

/** What a lane is made of. */
export interface LaneOptions {
  readonly memoryMb: number;
  readonly clock: CycleClock;
  /** Longest start of a thread, in ms. */
  readonly startupMs: number;
  /** Longest time that making an instance may hold the thread, in ms. */
  readonly createMs: number;
  /** The snapshot in force. */
  readonly current: () => EndpointSnapshot;
  readonly events: LaneEvents;
}

/** One thread of the pool, and the thread that stands in for it when it is lost. */
export class Lane {
  readonly #options: LaneOptions;
  #thread: ThreadHandle | undefined;
  #tables: PostedTables | undefined;
  #post: CallPost | undefined;
  /** Calls handed to the thread, by their number there. */
  readonly #sent = new Map<number, WorkerCall>();
  readonly #creating = new Set<number>();
  readonly #made = new Set<number>();
  #lastTicket = 0;
  #busy = 0;
  #heardAtMs = 0;
  #told = 0;
  #heardCount = 0;
  #why: string | undefined;

  constructor(options: LaneOptions) {
    this.#options = options;
  }

  /** Whether its thread runs. */
  get isOpen(): boolean {
    return this.#thread !== undefined;
  }

  /** Calls that hold the thread or wait in front of it. */
  get busy(): number {
    return this.#busy;
  }

  /** Whether an instance is there to be asked. */
  has(instance: number): boolean {
    return this.#made.has(instance);
  }

  /** Starts a thread; the events tell what came of it. */
  async open(): Promise<void> {
    const { memoryMb, clock, startupMs, events, current } = this.#options;
    const heard = (message: FromThread) => this.#heard(message);
    const thread = await startThread({ memoryMb, clock, startupMs, heard }).catch((cause: Error) => cause);
    if (thread instanceof Error) {
      events.lost(thread.message, 0);
      return;
    }
    if (this.#why !== undefined) {
      void thread.end();
      return;
    }
    this.#thread = thread;
    this.#post = createCallPost((message) => thread.post(message));
    this.#tables = createPostedTables((message) => thread.post(message));
    this.#tables.idOf(current());
    void thread.ended.then((how) => this.#lost(thread, how));
    events.opened();
  }

  create(message: CreateMessage): void {
    this.#creating.add(message.instance);
    this.#heardAtMs = absoluteNow();
    this.#thread?.post(message);
  }

  remove(instance: number): void {
    this.#made.delete(instance);
    this.#thread?.post({ kind: "remove", instance });
  }

  publish(snapshot: EndpointSnapshot, change: EndpointChange): void {
    this.#post?.flush();
    this.#tables?.publish(snapshot, change);
  }

  /** Hands an event to an instance. */
  tell(instance: number, event: FeedbackEvent): void {
    if (this.#post === undefined) return;
    if (this.#told - this.#heardCount >= mostUnheard) {
      this.#options.events.dropped(instance);
      return;
    }
    this.#told += 1;
    this.#post.event(instance, event);
  }

  /** Hands waiting calls to the thread as long as it takes some. */
  fill(): void {
    while (this.#post !== undefined && this.#tables !== undefined && this.#busy < callsAhead) {
      const call = this.#options.events.next();
      if (call === undefined) return;
      this.#send(call, this.#post, this.#tables);
    }
  }

  /** Ends a thread that is stuck, and gives up calls that go on for too long. */
  check(): void {
    const thread = this.#thread;
    if (thread === undefined) return;
    const nowMs = absoluteNow();
    const { instance } = thread.section;
    const heldMs = instance === 0 ? 0 : thread.section.heldMs(instance, nowMs);
    const silentMs = nowMs - this.#heardAtMs;
    const isWaitedFor = this.#busy > 0 || this.#creating.size > 0;
    if (instance !== 0 && heldMs > this.#limitOf(instance)) {
      this.#end(thread, `its code has held a thread for ${Math.round(heldMs)} ms`);
    } else if (isWaitedFor && silentMs > this.#longestLimit()) {
      this.#end(thread, `nothing was heard of a thread for ${Math.round(silentMs)} ms`);
    } else {
      this.#giveUp(this.#options.clock.elapsedMs());
    }
  }

  /** Ends it for good. */
  async close(): Promise<void> {
    this.#why = "the host is stopping";
    await this.#thread?.end();
  }

  #send(call: WorkerCall, post: CallPost, tables: PostedTables): void {
    const nowMs = this.#options.clock.elapsedMs();
    if (this.#busy === 0) this.#heardAtMs = absoluteNow();
    this.#lastTicket += 1;
    this.#busy += 1;
    call.sentMs = nowMs;
    this.#sent.set(this.#lastTicket, call);
    call.owner.sent(call, this);
    post.call(this.#lastTicket, call, tables.idOf(call.call.snapshot), nowMs);
  }

  #heard(message: FromThread): void {
    this.#heardAtMs = absoluteNow();
    if (message.kind === "answers") {
      this.#answers(message);
      return;
    }
    if (message.kind === "created" || message.kind === "refused") this.#creating.delete(message.instance);
    if (message.kind === "created") this.#made.add(message.instance);
    this.#options.events.heard(message);
  }

  #answers({ answers, parked, heard }: Extract<FromThread, { readonly kind: "answers" }>): void {
    this.#heardCount = heard;
    for (const ticket of parked) this.#park(ticket);
    for (const answer of answers) this.#answer(answer);
    this.fill();
  }

  #park(ticket: number): void {
    const call = this.#sent.get(ticket);
    if (call === undefined) return;
    call.isParked = true;
    this.#busy -= 1;
  }

  #answer(answer: ThreadAnswer): void {
    const call = this.#sent.get(answer.ticket);
    if (call === undefined) return;
    this.#sent.delete(answer.ticket);
    if (!call.isParked) this.#busy -= 1;
    call.owner.answered(call, answer);
  }

  #limitOf(instance: number): number {
    if (this.#creating.has(instance)) return this.#options.createMs;
    for (const { owner } of this.#sent.values()) if (owner.instance === instance) return owner.hangMs;
    return this.#longestLimit();
  }

  #longestLimit(): number {
    let limitMs = this.#creating.size > 0 ? this.#options.createMs : shortestHangMs;
    for (const { owner } of this.#sent.values()) limitMs = Math.max(limitMs, owner.hangMs);
    return limitMs;
  }

  #giveUp(nowMs: number): void {
    for (const [ticket, call] of this.#sent) {
      if (!call.isParked || nowMs - call.sentMs <= call.owner.hangMs) continue;
      this.#sent.delete(ticket);
      call.owner.failed(call, "SCORER_DEADLINE", `no answer in ${Math.round(nowMs - call.sentMs)} ms: it is given up`);
    }
  }

  #end(thread: ThreadHandle, why: string): void {
    this.#why = why;
    void thread.end();
  }

  #lost(thread: ThreadHandle, how: string): void {
    const why = this.#why ?? how;
    const blamed = this.#blame(thread);
    const calls = [...this.#sent.values()];
    this.#thread = undefined;
    this.#post = undefined;
    this.#tables = undefined;
    this.#why = undefined;
    this.#sent.clear();
    this.#made.clear();
    this.#creating.clear();
    [this.#busy, this.#told, this.#heardCount] = [0, 0, 0];
    for (const call of calls) call.owner.failed(call, "SCORER_UNAVAILABLE", `its thread was lost: ${why}`);
    this.#options.events.lost(why, blamed);
  }

  #blame({ section }: ThreadHandle): number {
    if (section.instance !== 0 || this.#creating.size !== 1) return section.instance;
    return [...this.#creating][0]!;
  }
}

/** Least time that a plugin's code may hold a thread, in ms, however small its budget. */
export const shortestHangMs = 1_000;
