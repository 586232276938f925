import { type ErrorCode, OutriderError } from "@outrider/core/contract";

/** What a plugin said when it refused, before it was given one of Outrider's codes. */
export class RpcFailure extends Error {
  /** Connect code, such as `failed_precondition`; an unknown one as it came. */
  readonly rpcCode: string;
  /** Leave the plugin alone for so long, in ms; 0 = not told. */
  readonly retryAfterMs: number;

  constructor(rpcCode: string, message: string, retryAfterMs = 0, options?: ErrorOptions) {
    super(message, options);
    this.name = "RpcFailure";
    this.rpcCode = rpcCode;
    this.retryAfterMs = retryAfterMs;
  }
}

const codes: Readonly<Record<string, ErrorCode>> = {
  canceled: "SCORER_UNAVAILABLE",
  deadline_exceeded: "SCORER_DEADLINE",
  failed_precondition: "SCORER_UNAVAILABLE",
  invalid_argument: "PROTOCOL_VIOLATION",
  permission_denied: "PLUGIN_REJECTED",
  resource_exhausted: "SCORER_SHED",
  unauthenticated: "PLUGIN_REJECTED",
  unavailable: "SCORER_UNAVAILABLE",
};

/**
 * The one conversion of a Connect code: `subject` names the plugin. `unimplemented`, `internal`, `unknown` and codes
 * that do not exist become `SCORER_FAILED`; the code itself stays readable by {@link rpcCodeOf}.
 */
export function fromRpcFailure(failure: RpcFailure, subject: string): OutriderError {
  const code = Object.hasOwn(codes, failure.rpcCode) ? codes[failure.rpcCode]! : "SCORER_FAILED";
  return new OutriderError(code, `${subject}: ${failure.rpcCode}: ${failure.message}`, { cause: failure });
}

/** Connect code behind an error; empty where there is none. */
export function rpcCodeOf(error: unknown): string {
  const cause = error instanceof OutriderError ? error.cause : error;
  return cause instanceof RpcFailure ? cause.rpcCode : "";
}

/** A lost or refused connection, whatever library says so. */
export function fromConnectionError(cause: unknown, subject: string): OutriderError {
  const message = cause instanceof Error ? cause.message : String(cause);
  return new OutriderError("SCORER_UNAVAILABLE", `${subject}: ${message}`, { cause });
}
