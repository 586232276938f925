import { z } from "zod";
import { addContent, noContent } from "./content-keys.ts";
import { drawLength, randomOf } from "./draws.ts";
import { createFrames, drawAbortMs, madeFields, type Part, toRequest } from "./part.ts";
import { length } from "./schema-values.ts";

const fields = z.strictObject({
  kind: z.literal("unique"),
  ...madeFields,
  /** Tokens of a prompt. */
  promptTokens: length(1),
  /** Tokens of an answer. */
  outputTokens: length(1),
});

/** Prompts that have nothing in common. */
export const uniquePart = fields.transform(
  (spec): Part => ({
    ...spec,
    type: spec.kind,
    kind: "made",
    open(part) {
      const frames = createFrames(spec, part);
      let count = 0;
      return () => {
        const random = randomOf(part.seed, count);
        const frame = frames(random);
        const promptTokens = drawLength(spec.promptTokens, random);
        const { keys } = addContent(noContent, [{ space: frame.space, id: count++, tokens: promptTokens }]);
        const outputTokens = drawLength(spec.outputTokens, random);
        const content = { promptTokens, outputTokens, blockKeys: keys, sessionKey: "" };
        return toRequest(frame, content, drawAbortMs(spec, random));
      };
    },
  }),
);
