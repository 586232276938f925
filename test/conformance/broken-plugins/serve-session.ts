import http2 from "node:http2";
import { create, fromBinary } from "@bufbuild/protobuf";
import {
  ScoreBatchSchema,
  type ScoreResponse,
  type SessionRequest,
  SessionRequestSchema,
} from "@outrider/protos/scorer";
import { createFrameDecoder, encodeResponse, type ResponseFrame, toBitmap } from "@outrider/transport";
import { configure, newConversation, takeChunk } from "./conversation.ts";
import { type Conversation, evaluate, type PluginParts, toHello } from "./honest-plugin.ts";

/** Bytes that may wait for a host that reads slowly before a bad plugin drops answers. */
const slowBytes = 64 * 1024;

const keptAnswers = new Map<string, ScoreResponse[]>();

/** Serves a plugin's Session on a socket. */
export function serveSession(parts: PluginParts, socketPath: string, token: string): void {
  const server = http2.createServer();
  server.on("sessionError", () => {});
  server.on("stream", (stream, headers) => {
    stream.on("error", () => {});
    if (!parts.servesPath(String(headers[":path"]))) return refuse(stream, 12);
    if (parts.checksToken && headers.authorization !== `Bearer ${token}`) return refuse(stream, 16);
    stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
    stream.once("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
    new ServedSession(parts, stream);
  });
  server.listen(socketPath);
}

function refuse(stream: http2.ServerHttp2Stream, status: number): void {
  stream.respond(
    { ":status": 200, "content-type": "application/grpc", "grpc-status": String(status) },
    { endStream: true },
  );
}

type Frame = Exclude<SessionRequest["frame"], { readonly case: undefined }>;

class ServedSession {
  readonly #parts: PluginParts;
  readonly #stream: http2.ServerHttp2Stream;
  readonly #talk: Conversation = newConversation();
  readonly #cancelled = new Set<number>();
  readonly #asked = new Set<number>();

  constructor(parts: PluginParts, stream: http2.ServerHttp2Stream) {
    this.#parts = parts;
    this.#stream = stream;
    const decoder = createFrameDecoder((message) => {
      const { frame } = fromBinary(SessionRequestSchema, message);
      if (frame.case !== undefined) this.#take(frame);
    });
    const end = () => void stream.end();
    stream.on("data", (chunk: Buffer) => {
      try {
        decoder.push(chunk);
      } catch {
        parts.onGarbage(end);
      }
    });
    stream.once("end", () => parts.onHalfClose(end));
  }

  #take(frame: Frame): void {
    const parts = this.#parts;
    const talk = this.#talk;
    switch (frame.case) {
      case "hello": {
        const isFirst = talk.hostInstance === "";
        talk.hostInstance = frame.value.hostInstance || "nobody";
        const response = parts.hello(toHello(parts), { ...talk, hostInstance: isFirst ? "" : talk.hostInstance });
        if (response !== undefined) this.#send({ case: "hello", value: response });
        return;
      }
      case "configure":
        this.#configure(frame.value);
        return;
      case "state": {
        const answer = takeChunk(parts, talk, frame.value);
        for (let i = 0; i < parts.acks(frame.value); i += 1) this.#send({ case: "stateAck", value: answer });
        if (!frame.value.more) this.#pushTables();
        return;
      }
      case "score":
        this.#score(frame.value.calls);
        return;
      case "feedback":
        for (const event of frame.value.events) parts.feedback(event, this.#asked);
        return;
      case "cancel":
        for (const callId of frame.value.callIds) this.#cancelled.add(callId);
        return;
      case "ping":
        if (parts.pongs) this.#send({ case: "pong", value: frame.value });
        return;
      case "inflight":
        for (const [i, slot] of frame.value.slots.entries()) parts.inflight(talk.counts, slot, frame.value.counts[i]!);
        return;
      case "drain":
        this.#drain();
        return;
    }
  }

  #configure(request: Extract<Frame, { readonly case: "configure" }>["value"]): void {
    const { health, credit } = this.#parts;
    const response = configure(this.#parts, this.#talk, request);
    this.#send({ case: "configured", value: response });
    if (response.errors.length > 0) return;
    this.#send({ case: "credit", value: { maxOutstanding: credit } });
    if (health !== undefined) this.#send({ case: "health", value: { ...health } });
    const kept = keptAnswers.get(this.#talk.hostInstance) ?? [];
    keptAnswers.delete(this.#talk.hostInstance);
    if (kept.length > 0) this.#send({ case: "scores", value: { results: kept } });
  }

  #score(calls: Extract<Frame, { readonly case: "score" }>["value"]["calls"]): void {
    const { answer, batch, answerAfterMs, answersCancelled, keepsAnswers } = this.#parts;
    for (const { callId } of calls) this.#asked.add(callId);
    const results = batch(calls.flatMap((call) => answer(evaluate(this.#parts, this.#talk, call), call)));
    if (answerAfterMs === undefined && !keepsAnswers) {
      this.#answer(results);
      return;
    }
    setTimeout(() => {
      this.#answer(results.filter(({ callId }) => answersCancelled || !this.#cancelled.has(callId)));
    }, answerAfterMs ?? 0);
  }

  #answer(results: readonly ScoreResponse[]): void {
    if (this.#parts.dropsWhenSlow && this.#stream.writableLength > slowBytes) return;
    if (this.#parts.keepsAnswers && (this.#stream.destroyed || this.#stream.closed)) {
      keptAnswers.set(this.#talk.hostInstance, [...results]);
    } else if (results.length > 0) this.#send({ case: "scores", value: { results: [...results] } });
  }

  #pushTables(): void {
    const { table, instances, counts } = this.#talk;
    for (const [instance, { type }] of instances) {
      const told = type === "pushed" ? this.#parts.table(table.epoch) : undefined;
      if (told === undefined) continue;
      const call = create(ScoreBatchSchema, { calls: [{ instance, epoch: table.epoch, rev: table.rev }] }).calls[0]!;
      const rated = [...table.endpoints].filter(([, { waiting }]) => !Number.isNaN(waiting));
      const scores = rated.map(([slot, { waiting }]) =>
        this.#parts.rate(waiting, slot, { ...this.#talk, counts }, call),
      );
      const slots = toBitmap(rated.map(([slot]) => slot));
      this.#send({
        case: "table",
        value: { instance, epoch: told.epoch, rev: table.rev, slots, scores, ttlMs: 5_000 },
      });
    }
  }

  #drain(): void {
    const say = () => {
      const handoff = this.#parts.drained();
      if (handoff !== undefined) this.#send({ case: "drained", value: { handoff } });
    };
    const { answerAfterMs, keepsAnswers } = this.#parts;
    if (answerAfterMs === undefined && !keepsAnswers) say();
    else setTimeout(say, (answerAfterMs ?? 0) + 5);
  }

  #send(frame: ResponseFrame): void {
    if (!this.#stream.destroyed && this.#stream.writable) this.#stream.write(encodeResponse(frame));
  }
}
