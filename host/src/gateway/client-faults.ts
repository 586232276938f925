import type { Socket } from "node:net";
import type { DoorLimits } from "../doors/limits.ts";
import { headersTooLarge, tooSlow } from "../doors/refusals.ts";
import { refuse } from "../scheduling/refusals.ts";
import type { Refusal } from "../scheduling/types.ts";
import { errorBytes } from "./error-answer.ts";

/** How long a connection stays half open behind an error, so that its client can read it, in ms. */
const lingerMs = 1000;

const closing = new WeakSet<Socket>();

/** What of the limits is told to clients whose requests never came about. */
type ToldLimits = Pick<DoorLimits, "maxHeaderBytes" | "maxRequestMs">;

/**
 * What a client is told whose bytes are no request.
 * @returns `undefined` where there is nobody to tell.
 */
export function refusalOf(error: Error & { readonly code?: string }, limits: ToldLimits): Refusal | undefined {
  switch (error.code ?? "") {
    case "ECONNRESET":
    case "EPIPE":
      return undefined;
    case "HPE_HEADER_OVERFLOW":
      return headersTooLarge(limits.maxHeaderBytes);
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return tooSlow(limits.maxRequestMs);
    default:
      return refuse("BadRequest", `this is no HTTP/1.1 request: ${error.message}`);
  }
}

/** Whether the connection is being closed already: what still comes in is no news. */
export function isClosing(socket: Socket): boolean {
  return closing.has(socket);
}

/** Answers on a bare connection, as far as it takes anything, and closes it. */
export function closeWith(socket: Socket, refusal: Refusal): void {
  closing.add(socket);
  socket.on("error", ignore);
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  socket.end(errorBytes(refusal));
  socket.resume();
  setTimeout(() => socket.destroy(), lingerMs).unref();
}

function ignore(): void {}
