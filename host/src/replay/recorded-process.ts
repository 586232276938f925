import { toBinary } from "@bufbuild/protobuf";
import type { EndpointChange } from "@outrider/core/contract";
import type { Frame } from "@outrider/protos/record";
import {
  type ConfigureRequest,
  type HandshakeResponse,
  type PushStateRequest,
  type ScoreBatch,
  ScoreBatchSchema,
  type SessionRequest,
  type SessionResponse,
  type FeedbackEvent as WireEvent,
} from "@outrider/protos/scorer";
import { CallColumns, type DecodedCall, decodeScoreBatch, fromWireEvent } from "@outrider/transport";
import type { Cast } from "./cast.ts";
import { ComparedCalls } from "./compared-calls.ts";
import { type RecordedInstance, toRecordedInstance } from "./recorded-instance.ts";
import { RecordedTable, type StateStep } from "./recorded-table.ts";
import { type CallSubject, candidatesOf, toCandidateData } from "./replay-call.ts";
import type { ReplayTally } from "./replay-report.ts";
import { openStage, type Stage } from "./stage.ts";

/** What the replays of all recorded processes share. */
export interface ReplayContext {
  readonly cast: Cast;
  readonly tally: ReplayTally;
  /** When the recording began, Unix ms: connections that are older were shown as they stood. */
  readonly startedAtMs: number;
}

/** One generation of a recorded plugin process: follows its connections and has its calls answered anew. */
export class RecordedProcess {
  readonly #name: string;
  readonly #context: ReplayContext;
  #table = new RecordedTable();
  #stage: Stage | undefined;
  #hello: HandshakeResponse | undefined;
  #configure: ConfigureRequest | undefined;
  #instances: ReadonlyMap<number, RecordedInstance> = new Map();
  #bootId = "";
  #greetedAtMs = 0;
  /** The connection is older than what was seen before: something of it was missed. */
  #isShownAgain = false;
  #lastAtMs = 0;
  #learnedBefore = false;
  #epoch = 0;
  readonly #calls: ComparedCalls;
  /** Last step of the table, where nobody has been told of it. */
  #untold: Extract<StateStep, { readonly kind: "published" }> | undefined;
  /** Calls whose `done` has not come. */
  readonly #due = new Set<number>();

  constructor(name: string, generation: number, context: ReplayContext) {
    this.#name = name;
    this.#context = context;
    const { tally } = context;
    this.#calls = new ComparedCalls({
      process: name,
      generation,
      tally,
      tallyOf: (instance) => this.#tallyOf(instance),
    });
  }

  /** Takes the next frame. @throws {CastError} where what is to answer does not run. */
  async take({ frame, atMs }: Frame): Promise<void> {
    const before = this.#lastAtMs;
    this.#lastAtMs = Math.max(before, atMs);
    if (frame.case === "sent") await this.#sent(frame.value, atMs, before);
    else if (frame.case === "received") await this.#received(frame.value);
    else this.#context.tally.skipped.invalid += 1;
  }

  /** Nothing more comes of it. */
  async end(): Promise<void> {
    const stage = this.#stage;
    this.#stage = undefined;
    this.#untold = undefined;
    this.#calls.clear();
    this.#due.clear();
    await stage?.close();
  }

  async #sent({ frame }: SessionRequest, atMs: number, lastAtMs: number): Promise<void> {
    switch (frame.case) {
      case "hello":
        if (this.#hello !== undefined && frame.value.handoff.length > 0) this.#learnedBefore = true;
        else this.#reopen(atMs, atMs < lastAtMs);
        return;
      case "configure":
        return this.#configured(frame.value);
      case "state":
        return this.#state(frame.value);
      case "score":
        return this.#score(frame.value);
      case "feedback":
        for (const event of frame.value.events) await this.#tell(event);
        return;
      // Instances are told nothing of these.
      case "cancel":
      case "drain":
      case "ping":
      case "inflight":
      case undefined:
        return;
    }
  }

  async #received({ frame }: SessionResponse): Promise<void> {
    switch (frame.case) {
      case "hello":
        return this.#greeted(frame.value);
      case "scores":
        for (const response of frame.value.results) this.#calls.answered(response);
        return;
      case "table":
        this.#context.tally.skipped.tables += 1;
        return;
      case "drained":
        return this.end();
      case "configured":
      case "stateAck":
      case "credit":
      case "health":
      case "pong":
      case undefined:
        return;
    }
  }

  /** A connection begins, or its beginning is shown once more; calls from before are answered no more. */
  #reopen(atMs: number, isShownAgain: boolean): void {
    this.#isShownAgain = isShownAgain;
    this.#greetedAtMs = atMs;
    this.#hello = undefined;
    this.#configure = undefined;
    this.#epoch = 0;
    this.#calls.clear();
  }

  /** Answers a further hello, too, which changes nothing. */
  async #greeted(hello: HandshakeResponse): Promise<void> {
    if (this.#hello !== undefined) return;
    const { bootId } = hello;
    this.#hello = hello;
    if (this.#stage !== undefined && bootId !== "" && bootId === this.#bootId) {
      return this.#goOn(this.#stage);
    }
    await this.end();
    this.#bootId = bootId;
    this.#table = new RecordedTable();
    this.#learnedBefore = this.#greetedAtMs < this.#context.startedAtMs;
  }

  /** With what it has learned; frames that were missed may have taught it more. */
  async #goOn(stage: Stage): Promise<void> {
    const { tally } = this.#context;
    if (this.#isShownAgain) {
      tally.gaps += 1;
      this.#learnedBefore = true;
      return;
    }
    tally.reconnects += 1;
    await this.#publish(stage);
    await stage.reconnect();
  }

  async #configured(configure: ConfigureRequest): Promise<void> {
    const hello = this.#hello;
    if (hello === undefined) return this.#unconfigured();
    const instances = new Map(configure.instances.map((one) => [one.id, toRecordedInstance(one, hello)]));
    if (this.#stage !== undefined && !isSameCast(instances, this.#instances)) await this.end();
    this.#configure = configure;
    this.#instances = instances;
    this.#table.open(configure.columns);
  }

  async #state(chunk: PushStateRequest): Promise<void> {
    if (this.#configure === undefined) return this.#unconfigured();
    this.#epoch = chunk.epoch;
    const step = this.#table.apply(chunk);
    if (step.kind === "unknown") this.#context.tally.skipped.stateless += 1;
    if (step.kind !== "published") return;
    if (this.#stage === undefined) {
      this.#stage = await openStage([...this.#instances.values()], this.#context.cast, this.#table);
      return;
    }
    if (this.#untold !== undefined && !isQuiet(this.#untold.change)) await this.#publish(this.#stage);
    this.#untold = step;
  }

  /** Steps that nobody asks about are not worth a round trip, unless endpoints come or go with them. */
  async #publish(stage: Stage): Promise<void> {
    const step = this.#untold;
    this.#untold = undefined;
    if (step !== undefined) await stage.publish(step.snapshot, step.change);
  }

  async #score(batch: ScoreBatch): Promise<void> {
    if (this.#configure === undefined) return this.#unconfigured();
    const { calls, inflight } = decodeScoreBatch(Buffer.from(toBinary(ScoreBatchSchema, batch)));
    this.#table.applyInflight(inflight);
    for (const call of calls) await this.#put(call);
  }

  async #put(call: DecodedCall): Promise<void> {
    const { tally } = this.#context;
    const instance = this.#instances.get(call.instance);
    const stage = this.#stage;
    if (instance === undefined) return this.#unconfigured();
    if (stage === undefined || !this.#table.isKnown) {
      tally.skipped.stateless += 1;
      return;
    }
    const { current, inflight, recordedRev } = this.#table;
    const candidates = candidatesOf(call, current);
    if (candidates === undefined || call.epoch !== this.#epoch) {
      tally.skipped.unknownEndpoints += 1;
      return;
    }
    const subject: CallSubject = {
      recorded: call,
      snapshot: current,
      candidates,
      columns: new CallColumns(current.columns, inflight, call.nowMs),
      data: toCandidateData(call.data, instance.keys, candidates.length),
    };
    await this.#publish(stage);
    this.#due.add(call.callId);
    this.#calls.add({ instance, subject, answers: await stage.put(instance, subject), rev: recordedRev });
  }

  async #tell(wire: WireEvent): Promise<void> {
    const { tally } = this.#context;
    const instance = this.#instances.get(wire.instance);
    const event = fromWireEvent(wire);
    const stage = this.#stage;
    if (stage === undefined || instance === undefined || event === undefined || !this.#due.has(wire.callId)) {
      tally.skipped.unknownCalls += 1;
      return;
    }
    if (event.kind === "done") this.#due.delete(wire.callId);
    this.#tallyOf(instance).events += 1;
    await this.#publish(stage);
    stage.tell(instance, event);
  }

  #tallyOf(instance: RecordedInstance) {
    return this.#context.tally.of(this.#name, instance, this.#learnedBefore);
  }

  #unconfigured(): void {
    this.#context.tally.skipped.unconfigured += 1;
  }
}

function isQuiet({ removedSlots, upserted }: EndpointChange): boolean {
  return removedSlots.length === 0 && upserted.length === 0;
}

/** Whether a plugin goes on with the instances that it has. */
function isSameCast(a: ReadonlyMap<number, RecordedInstance>, b: ReadonlyMap<number, RecordedInstance>): boolean {
  const toText = (instances: ReadonlyMap<number, RecordedInstance>) =>
    JSON.stringify(
      Array.from(instances.values(), ({ id, type, parameters, granted }) => [id, type, parameters, granted]),
    );
  return toText(a) === toText(b);
}
