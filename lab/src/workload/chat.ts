import { deriveSeed } from "@outrider/core";
import { z } from "zod";
import type { LabRequest } from "../contract/index.ts";
import { addContent, type ContentState, noContent } from "./content-keys.ts";
import { drawExponential, drawIndex, drawLength, type Random, randomOf } from "./draws.ts";
import {
  capOutput,
  createFrames,
  drawAbortMs,
  madeFields,
  type Part,
  type PartContext,
  type RequestFrame,
  toRequest,
} from "./part.ts";
import { length, time } from "./schema-values.ts";

const fields = z.strictObject({
  kind: z.literal("chat"),
  ...madeFields,
  /** Different system prompts; a conversation has one of them. */
  systems: z.int().min(1).max(1_000_000).default(1),
  /** Tokens of a system prompt. */
  systemTokens: length(0).default(0),
  /** Turns of a conversation. */
  turns: length(1),
  /** Tokens that the user adds in a turn. */
  userTokens: length(1),
  /** Tokens of an answer, which the next turn begins with. */
  outputTokens: length(1),
  /** Mean time between an answer and the next turn, exponentially spread. */
  thinkTime: time("from 0").default(0),
});

type Spec = z.output<typeof fields>;

/** One conversation. */
interface Conversation {
  readonly spec: Spec;
  readonly frame: RequestFrame;
  readonly sessionKey: string;
  readonly random: Random;
  /** Counts the conversations of the part. */
  readonly number: number;
  readonly turns: number;
}

/** Conversations of several turns: an answer and what was before it begin the next prompt. */
export const chatPart = fields.transform(
  (spec): Part => ({
    ...spec,
    type: spec.kind,
    kind: "made",
    open(part) {
      const frames = createFrames(spec, part);
      let count = 0;
      return () => {
        const number = count++;
        const random = randomOf(part.seed, number);
        const frame = frames(random);
        const turns = drawLength(spec.turns, random);
        const conversation = { spec, frame, sessionKey: `${part.name}-${number}`, random, number, turns };
        return turn(conversation, systemPrompt(spec, part, frame, random), 0);
      };
    },
  }),
);

function systemPrompt(spec: Spec, { seed }: PartContext, { space }: RequestFrame, random: Random): ContentState {
  const system = drawIndex(random, spec.systems);
  const tokens = drawLength(spec.systemTokens, randomOf(deriveSeed(seed, 0), system), 0);
  return addContent(noContent, [{ space, id: system, tokens }]);
}

function turn(conversation: Conversation, before: ContentState, number: number): LabRequest {
  const { spec, frame, sessionKey, random, turns } = conversation;
  const userTokens = drawLength(spec.userTokens, random);
  const outputTokens = capOutput(frame, drawLength(spec.outputTokens, random));
  const space = deriveSeed(~frame.space, number);
  const whole = addContent(before, [
    { space, id: conversation.number, tokens: userTokens },
    { space: ~space, id: conversation.number, tokens: outputTokens },
  ]);
  const abortAfterMs = drawAbortMs(spec, random);
  const afterMs = spec.thinkTime * drawExponential(random);
  const next = () => ({ afterMs, request: turn(conversation, whole, number + 1) });
  const content = { promptTokens: before.tokens + userTokens, outputTokens, blockKeys: whole.keys, sessionKey };
  return toRequest(frame, number + 1 < turns ? { ...content, next } : content, abortAfterMs);
}
