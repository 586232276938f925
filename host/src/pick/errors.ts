import { Code, ConnectError } from "@connectrpc/connect";
import { RefusalSchema } from "@outrider/protos/picker";
import { refusalHeaders } from "../doors/refusals.ts";
import type { Refusal, RefusalCode } from "../scheduling/types.ts";

/** A call that makes no sense: a fault of the gateway, not of its client. */
export interface CallFault {
  readonly kind: "fault";
  /** Path of the field in the message. */
  readonly field: string;
  /** What is wrong with which value. */
  readonly message: string;
}

/** What goes wrong in the same way however often it is tried is no `resource_exhausted`, which invites another try. */
const codes: Readonly<Record<RefusalCode, Code>> = {
  BadRequest: Code.InvalidArgument,
  NotFound: Code.NotFound,
  PreconditionFailed: Code.FailedPrecondition,
  RequestTimeout: Code.DeadlineExceeded,
  PayloadTooLarge: Code.OutOfRange,
  HeadersTooLarge: Code.OutOfRange,
  ResourceExhausted: Code.ResourceExhausted,
  ServiceUnavailable: Code.Unavailable,
  Internal: Code.Internal,
};

/** Status that a client is told where its gateway made a mistake. */
const gatewayFaultStatus = 500;

/** A fault of the value at a path. */
export function fault(field: string, message: string): CallFault {
  return { kind: "fault", field, message };
}

/** The refusal as the error of a call, with its headers as those of the answer. */
export function toConnectError(refused: Refusal | CallFault): ConnectError {
  if (refused.kind === "fault") {
    const { field } = refused;
    const message = `${field}: ${refused.message}`;
    const value = { status: gatewayFaultStatus, code: "Internal", message, field };
    return new ConnectError(message, Code.InvalidArgument, undefined, [{ desc: RefusalSchema, value }]);
  }
  const { status, code, message, droppedReason, retryAfterS = 0 } = refused;
  const value = { status, code, message, droppedReason, retryAfterS: Math.ceil(retryAfterS) };
  const headers = refusalHeaders(refused).map(([name, text]): [string, string] => [name, text]);
  return new ConnectError(message, codes[code], headers, [{ desc: RefusalSchema, value }]);
}

/** Label of a refusal in metrics. */
export function outcomeOf(refused: Refusal | CallFault): string {
  return refused.kind === "fault" ? "invalid" : refused.code;
}
