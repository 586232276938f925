import { refuse } from "../scheduling/refusals.ts";
import type { ChunkRewriter, Routed } from "../scheduling/types.ts";
import { asBuffers } from "./as-buffers.ts";
import { pickHeaders, servedEndpoint } from "./conformance.ts";
import {
  encodeHeaders,
  encodeMetadata,
  encodeUnchanged,
  type HeaderPair,
  type HeadersChange,
  noMetadata,
} from "./messages/answers.ts";
import { HeaderList } from "./messages/header-list.ts";
import { readServed, readUpstreamAddress } from "./messages/metadata.ts";
import type { ProcessingMessage } from "./messages/processing-request.ts";
import { streamedResponse } from "./modes/buffered.ts";
import { fullDuplexResponse } from "./modes/full-duplex.ts";
import { overrideResponse } from "./modes/mode-override.ts";
import type { ResponseMode } from "./modes/response-mode.ts";
import type { StreamControl } from "./stream-control.ts";

const passedHeader: HeaderPair = ["x-went-into-resp-headers", "true"];
const lengthHeader = "content-length";
const noNames: readonly string[] = [];
const noPairs: readonly HeaderPair[] = [];
const noReports: ReturnType<Routed["reports"]> = [];

const noHeaders = new HeaderList(Buffer.alloc(0));
const headersPassed = Buffer.from(
  encodeHeaders("response_headers", { set: [passedHeader], remove: noNames, override: undefined }),
);
const trailersUnchanged = Buffer.from(encodeUnchanged("response_trailers"));

/** The response's side of a stream: passes it on as its mode demands, and tells the scheduler what it wants to know. */
export class ResponseSide {
  /** How the body is exchanged; what a gateway that announces nothing does may change it before the response. */
  mode: ResponseMode = fullDuplexResponse;
  readonly #control: StreamControl;
  #hasBegun = false;
  #isShown = false;
  #rewriter: ChunkRewriter | undefined;
  #mayGoOnUnseen = false;

  constructor(control: StreamControl) {
    this.#control = control;
  }

  /** Whether the response may be on its way though nothing of it comes by: the gateway does not say. */
  get mayGoOnUnseen(): boolean {
    return this.#mayGoOnUnseen;
  }

  /** The response's headers arrived, also of a response that the gateway made itself, at any time. */
  headers(message: ProcessingMessage): void {
    if (this.#hasBegun) {
      this.#control.violate("response_headers come twice");
      return;
    }
    this.#begin();
    const headers = message.headers ?? noHeaders;
    const { routed } = this.#control;
    const change = message.endOfStream ? undefined : this.#prepareBody(headers, routed);
    routed?.responseHeaders(Number(headers.get(":status")) || 0, (name) => headers.get(name), servedBy(message));
    this.#answerHeaders(message, change);
    if (message.endOfStream) this.#control.complete();
    else if (this.mode.body === "hidden") this.#control.goOnUnseen();
    else this.#control.enter("responding");
  }

  /** A message of the response's body arrived. */
  body(message: ProcessingMessage): void {
    if (!this.#hasBegun) this.#begin();
    this.#mayGoOnUnseen = false;
    const body = message.body as Buffer;
    if (this.#isShown) this.#control.routed?.responseChunk(body);
    const metadata = message.endOfStream || this.mode.isOneMessage ? this.#report() : noMetadata;
    if (this.#rewriter === undefined) this.mode.pass(this.#control.stream, body, message.endOfStream, metadata);
    else this.#rewrite(this.#rewriter, body, message.endOfStream, metadata);
    if (message.endOfStream) this.#control.complete();
    else if (this.mode.isOneMessage) this.#wholeBodyCame();
    else if (this.#control.phase !== "trailing") this.#control.enter("responding");
  }

  /** The response's trailers arrived. */
  trailers(): void {
    if (!this.#hasBegun) this.#begin();
    if (!this.#sendHeldBack()) {
      this.#control.refuse(refuse("Internal", "the end of the response's body cannot be sent ahead of its trailers"));
      return;
    }
    const metadata = this.#report();
    const isPlain = metadata.length === 0;
    this.#control.stream.send(isPlain ? trailersUnchanged : encodeUnchanged("response_trailers", metadata));
    this.#control.complete();
  }

  /** What the gateway is told with the last answer. */
  #report(): Buffer {
    const reports = this.#control.routed?.reports() ?? noReports;
    return reports.length === 0 ? noMetadata : encodeMetadata(reports);
  }

  #begin(): void {
    this.#hasBegun = true;
    this.#control.responseBegins();
    this.#isShown = this.#control.routed?.observation === "full";
  }

  /** Finds out what becomes of a body that will follow; returns what changes of the headers for it. */
  #prepareBody(
    headers: HeaderList,
    routed: Routed | undefined,
  ): Pick<HeadersChange, "remove" | "override"> | undefined {
    if (routed === undefined) return undefined;
    const rewrite = isPlain(headers) ? routed.rewrite : undefined;
    const override = overrideResponse(this.#control.announced, this.#isShown || rewrite !== undefined);
    this.#mayGoOnUnseen = override !== undefined || this.mode.body === "unknown";
    if (override !== undefined && this.mode.body === "hidden") this.mode = streamedResponse;
    if (this.mode.body === "hidden") return undefined;
    this.#rewriter = rewrite?.respond();
    const isLengthWrong = this.#rewriter !== undefined && !this.mode.isFree && headers.has(lengthHeader);
    if (override === undefined && !isLengthWrong) return undefined;
    return { remove: isLengthWrong ? [lengthHeader] : noNames, override };
  }

  #answerHeaders(message: ProcessingMessage, change: Pick<HeadersChange, "remove" | "override"> | undefined): void {
    const { stream, routed, services } = this.#control;
    const own = routed?.setResponseHeaders ?? noPairs;
    if (!services.isConformance && change === undefined && own.length === 0) {
      stream.send(headersPassed);
      return;
    }
    const { remove = noNames, override } = change ?? {};
    const set = services.isConformance
      ? [servedEndpoint(message), passedHeader, ...own, ...pickHeaders(routed?.destinations[0], services.poolName)]
      : [passedHeader, ...own];
    stream.send(encodeHeaders("response_headers", { set, remove, override }));
  }

  #rewrite(rewriter: ChunkRewriter, body: Buffer, endsStream: boolean, metadata: Buffer): void {
    const pieces = rewriter.push(body);
    const isOver = endsStream || this.mode.isOneMessage;
    if (isOver) this.#rewriter = undefined;
    const all = isOver ? [...pieces, ...rewriter.end()] : pieces;
    this.mode.replace(this.#control.stream, asBuffers(all), endsStream, metadata);
  }

  /** Behind a body of one message only trailers may come. */
  #wholeBodyCame(): void {
    this.#control.settle(this.mode.mayBeCut ? "let_go" : "ok");
    this.#control.enter("trailing");
  }

  /** False where bytes were held back that there is no answer for any more. */
  #sendHeldBack(): boolean {
    const pieces = asBuffers(this.#rewriter?.end() ?? []);
    this.#rewriter = undefined;
    if (pieces.length === 0) return true;
    if (this.mode.isFree) this.mode.replace(this.#control.stream, pieces, false, noMetadata);
    return this.mode.isFree;
  }
}

/** Whether a body is what it seems, not compressed. */
function isPlain(headers: HeaderList): boolean {
  const encoding = headers.get("content-encoding")?.trim().toLowerCase() ?? "";
  return encoding === "" || encoding === "identity";
}

function servedBy({ bytes, metadata, attributes }: ProcessingMessage): string | undefined {
  return readServed(bytes, metadata) ?? readUpstreamAddress(bytes, attributes);
}
