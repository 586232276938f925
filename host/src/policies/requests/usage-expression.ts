import { Environment } from "@marcbachmann/cel-js";
import type { TokenUsage } from "@outrider/core";

/** What an expression comes to: a whole number, or whether something holds. */
export type ExpressionType = "int" | "bool";

/** An expression over the usage of a response, checked. */
export interface UsageExpression {
  /** @returns `undefined` where it comes to nothing: what it reads was not told, or it is of another type. */
  evaluate(usage: ToldUsage): number | boolean | undefined;
}

/** Usage as expressions see it, under the names of the OpenAI API; a member that was not told is not there. */
export type ToldUsage = Readonly<Record<string, bigint | Readonly<Record<string, bigint>>>>;

const environment = new Environment({
  limits: { maxAstNodes: 1_000, maxDepth: 50, maxListElements: 100, maxMapEntries: 100, maxCallArguments: 10 },
}).registerVariable("usage", "map");

/** What is wrong with an expression; `undefined` where nothing is. */
export function checkUsageExpression(source: string, type: ExpressionType): string | undefined {
  const { valid, type: found, error } = environment.check(source);
  if (!valid) return `is no CEL expression over usage: ${firstLine(error?.message ?? "")}`;
  return found === type || found === "dyn" ? undefined : `must come to ${type}, not ${found}`;
}

/** @param source one that {@link checkUsageExpression} finds nothing wrong with. */
export function parseUsageExpression(source: string): UsageExpression {
  const run = environment.parse(source);
  return {
    evaluate(usage) {
      try {
        const value: unknown = run({ usage });
        if (typeof value === "bigint") return Number(value);
        return typeof value === "boolean" ? value : undefined;
      } catch {
        return undefined;
      }
    },
  };
}

/** Nothing is there where nothing was told. The reference EPP calls the details by a name of its own. */
export function toToldUsage({ promptTokens, cachedTokens, outputTokens }: TokenUsage): ToldUsage {
  if (promptTokens + cachedTokens + outputTokens === 0) return {};
  const details = { cached_tokens: BigInt(cachedTokens) };
  return {
    prompt_tokens: BigInt(promptTokens),
    completion_tokens: BigInt(outputTokens),
    total_tokens: BigInt(promptTokens + outputTokens),
    prompt_tokens_details: details,
    prompt_token_details: details,
  };
}

function firstLine(text: string): string {
  return text.split("\n", 1)[0] ?? "";
}
