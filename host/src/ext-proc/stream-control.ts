import type { DoneCause } from "@outrider/core";
import type { Refusal, Routed } from "../scheduling/types.ts";
import type { AnnouncedModes } from "./messages/processing-request.ts";
import type { RequestMode } from "./modes/request-mode.ts";
import type { ResponseMode } from "./modes/response-mode.ts";
import type { ProcessServices } from "./process-services.ts";
import type { ExtProcStream } from "./stream.ts";

/**
 * Where a stream is: before its first message; while the request comes in; until the decision; while the rest of the
 * request passes; until the response; during it; while parts are still answered though the exchange is over; and when
 * nothing is left to answer.
 */
export type Phase = "opening" | "holding" | "deciding" | "flowing" | "waiting" | "responding" | "trailing" | "over";

/** How an exchange ended for the scheduler: its end was seen, or it goes on unseen. */
export type ExchangeEnd = DoneCause | "let_go";

/** What the two sides of a stream have in common: its way out, its phase, and its end. */
export interface StreamControl {
  readonly stream: ExtProcStream;
  readonly services: ProcessServices;
  readonly phase: Phase;
  /** `protocol_config` of the first message. */
  readonly announced: AnnouncedModes | undefined;
  /** The request on its way; `undefined` before the decision and when the exchange is over. */
  routed: Routed | undefined;
  /** Begins a phase and its deadline. */
  enter(phase: Exclude<Phase, "over">): void;
  /** What the request's side has found out of a gateway that announces nothing. */
  setResponseMode(mode: ResponseMode): void;
  /** What has come of a request on its way is answered; `rest` is what may still come. */
  requestAnswered(rest: RequestMode["rest"]): void;
  /** The response begins: what is still held of the request is beside the point. */
  responseBegins(): void;
  /** The response is answered, and the gateway shows no more of it. */
  goOnUnseen(): void;
  /** Ends the exchange for the scheduler, once; the stream goes on. */
  settle(end: ExchangeEnd): void;
  /** The last message was answered. */
  complete(): void;
  /** Ends the exchange and the stream, cleanly: the gateway goes on without either. */
  leave(): void;
  /** Answers the client in the place of a model server, and ends the stream. */
  refuse(refusal: Refusal): void;
  /** Says that the gateway did what none does, and ends the stream. */
  violate(fault: string): void;
}
