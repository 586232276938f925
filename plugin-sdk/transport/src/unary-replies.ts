import { create, type DescMessage, fromJsonString, type MessageShape } from "@bufbuild/protobuf";
import { OutriderError } from "@outrider/core/contract";
import { CallErrorSchema, type ScoreResponse, ScoreResponseSchema } from "@outrider/protos/scorer";
import { readRefusal } from "./basic-answer.ts";
import { codeOfStatus } from "./rpc-codes.ts";
import { RpcFailure } from "./rpc-failure.ts";
import type { UnaryReply } from "./unary-call.ts";

/** Characters of an answer that cannot be read which its error quotes. */
const quotedLength = 120;

/**
 * The message in a reply.
 * @throws {RpcFailure} what the plugin refused with; `invalid_argument` where the reply is no such message.
 */
export function readReply<D extends DescMessage>(schema: D, { status, body }: UnaryReply): MessageShape<D> {
  const json = body.toString();
  if (status !== 200) throw readRefusal(status, json, codeOfStatus(status));
  try {
    return fromJsonString(schema, json, { ignoreUnknownFields: true });
  } catch (cause) {
    const message = `an answer that is no ${schema.name}: ${json.slice(0, quotedLength)}`;
    throw new RpcFailure("invalid_argument", message, 0, { cause });
  }
}

/** As {@link readReply} for a call; whatever went wrong is an answer too. */
export function readScores(reply: UnaryReply, callId: number): ScoreResponse {
  try {
    const answer = readReply(ScoreResponseSchema, reply);
    if (answer.callId !== 0 && answer.callId !== callId) {
      throw new RpcFailure("invalid_argument", `an answer to call ${answer.callId} instead of ${callId}`);
    }
    return { ...answer, callId };
  } catch (cause) {
    return toFailedScores(cause, callId);
  }
}

/** The answer that a failure stands for. */
export function toFailedScores(cause: unknown, callId: number): ScoreResponse {
  const { rpcCode: code, message, retryAfterMs } = toRpcFailure(cause);
  const error = create(CallErrorSchema, { code, message, retryAfterMs });
  return create(ScoreResponseSchema, { callId, error });
}

const codes: Readonly<Record<string, string>> = {
  PROTOCOL_VIOLATION: "invalid_argument",
  SCORER_DEADLINE: "deadline_exceeded",
  SCORER_UNAVAILABLE: "unavailable",
};

/** A failure of a connection as the plugin itself would have put it. */
export function toRpcFailure(cause: unknown): RpcFailure {
  if (cause instanceof RpcFailure) return cause;
  const code = cause instanceof OutriderError ? (codes[cause.code] ?? "unknown") : "unknown";
  return new RpcFailure(code, cause instanceof Error ? cause.message : String(cause), 0, { cause });
}
