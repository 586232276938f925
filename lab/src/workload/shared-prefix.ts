import { deriveSeed } from "@outrider/core";
import { z } from "zod";
import { addContent, noContent } from "./content-keys.ts";
import { drawIndex, drawLength, type Random, randomOf } from "./draws.ts";
import { createFrames, drawAbortMs, madeFields, type Part, type PartContext, toRequest } from "./part.ts";
import { length } from "./schema-values.ts";

/** Most prompts that are gone through in a shuffled order. */
const mostPrompts = 1_000_000;

const fields = z
  .strictObject({
    kind: z.literal("shared-prefix"),
    ...madeFields,
    /** Groups of prompts; those of a group begin with the same system prompt. */
    groups: z.int().min(1).max(mostPrompts),
    /** Prompts of a group, asked again and again; default: each is asked once only. */
    prompts: z.int().min(1).max(mostPrompts).optional(),
    /** Tokens of a group's system prompt. */
    systemTokens: length(1),
    /** Tokens of a prompt behind it. */
    questionTokens: length(1),
    /** Tokens of the answer to a prompt. */
    outputTokens: length(1),
    /** `shuffled` goes through all prompts in a drawn order, over and over; `random` draws each anew. */
    order: z.enum(["shuffled", "random"]).default("shuffled"),
  })
  .refine(({ groups, prompts = 1 }) => groups * prompts <= mostPrompts, {
    path: ["prompts"],
    error: `must be at most ${mostPrompts} in all groups together`,
  });

type Spec = z.output<typeof fields>;

/** Prompts in groups that begin alike. */
export const sharedPrefixPart = fields.transform(
  (spec): Part => ({
    ...spec,
    type: spec.kind,
    kind: "made",
    open(part) {
      const frames = createFrames(spec, part);
      const drawPrompt = promptsOf(spec, part);
      let count = 0;
      return () => {
        const random = randomOf(part.seed, count);
        const frame = frames(random);
        const { group, prompt } = drawPrompt(random, count++);
        const { systemTokens, questionTokens, outputTokens } = lengthsOf(spec, part, group, prompt);
        const { tokens, keys } = addContent(noContent, [
          { space: frame.space, id: group, tokens: systemTokens },
          { space: ~frame.space, id: prompt, tokens: questionTokens },
        ]);
        const content = { promptTokens: tokens, outputTokens, blockKeys: keys, sessionKey: "" };
        return toRequest(frame, content, drawAbortMs(spec, random));
      };
    },
  }),
);

/** Which prompt of which group comes next; prompts are numbered through all groups. */
function promptsOf({ groups, prompts, order }: Spec, { seed }: PartContext) {
  if (prompts === undefined) {
    return (random: Random, count: number) => ({ group: drawIndex(random, groups), prompt: count });
  }
  const toPrompt = (prompt: number) => ({ group: Math.floor(prompt / prompts), prompt });
  if (order === "random") return (random: Random) => toPrompt(drawIndex(random, groups * prompts));
  const shuffled = shuffle(groups * prompts, randomOf(~seed, 0));
  return (_: Random, count: number) => toPrompt(shuffled[count % shuffled.length]!);
}

/** Lengths belong to a group and to a prompt: asked again, they are as they were. */
function lengthsOf(spec: Spec, { seed }: PartContext, group: number, prompt: number) {
  const ofPrompt = randomOf(deriveSeed(seed, 1), prompt);
  return {
    systemTokens: drawLength(spec.systemTokens, randomOf(deriveSeed(seed, 0), group)),
    questionTokens: drawLength(spec.questionTokens, ofPrompt),
    outputTokens: drawLength(spec.outputTokens, ofPrompt),
  };
}

/** The numbers from 0 to `count` - 1 in a drawn order (Fisher and Yates). */
function shuffle(count: number, random: Random): Uint32Array {
  const order = Uint32Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i--) {
    const other = drawIndex(random, i + 1);
    const kept = order[i]!;
    order[i] = order[other]!;
    order[other] = kept;
  }
  return order;
}
