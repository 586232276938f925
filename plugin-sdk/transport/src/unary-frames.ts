import { create, fromJsonString, toBinary } from "@bufbuild/protobuf";
import { ScoreRequestSchema, SessionRequestSchema, SessionResponseSchema } from "@outrider/protos/scorer";
import type { UnaryReply } from "./unary-call.ts";
import { readScores } from "./unary-replies.ts";

/** A call in JSON as the frame of a Session. */
export function toCallFrame(json: string): Uint8Array {
  const calls = [fromJsonString(ScoreRequestSchema, json)];
  return toBinary(SessionRequestSchema, create(SessionRequestSchema, { frame: { case: "score", value: { calls } } }));
}

/** Its answer as one; what was no answer is an error. */
export function toAnswerFrame(reply: UnaryReply, callId: number): Uint8Array {
  const value = { results: [readScores(reply, callId)] };
  return toBinary(SessionResponseSchema, create(SessionResponseSchema, { frame: { case: "scores", value } }));
}
