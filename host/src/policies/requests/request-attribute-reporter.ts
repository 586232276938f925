import { z } from "zod";
import { definePolicy, type ResponseReporter } from "../policy-type.ts";
import {
  checkUsageExpression,
  type ExpressionType,
  parseUsageExpression,
  toToldUsage,
  type UsageExpression,
} from "./usage-expression.ts";

/** An expression of CEL over `usage`, such as `usage.completion_tokens`. */
const expression = (type: ExpressionType) =>
  z
    .string()
    .max(10_000)
    .superRefine((source, context) => {
      const message = checkUsageExpression(source, type);
      if (message !== undefined) context.addIssue({ code: "custom", message });
    });

/** `parameters:` of a `request-attribute-reporter`. */
const reporterParameters = z.strictObject({
  /** The numbers. */
  attributes: z
    .array(
      z.strictObject({
        /** Where the gateway finds the number in its dynamic metadata. */
        key: z.strictObject({
          /** Namespace of the metadata. */
          namespace: z.string().min(1).max(256).default("envoy.lb"),
          /** Key in it. */
          name: z.string().min(1).max(256),
        }),
        /** Comes to a whole number. */
        expression: expression("int"),
        /** Comes to whether the number is told; absent = it always is. */
        condition: expression("bool").optional(),
      }),
    )
    .min(1)
    .max(64),
});

/** Numbers for the gateway, made of a response's usage. */
export const requestAttributeReporter = definePolicy({
  type: "request-attribute-reporter",
  about: "Tells the gateway numbers made of a response's token usage, as dynamic metadata with its last chunk.",
  parameters: reporterParameters,
  explain: ({ attributes }) =>
    `tells the gateway, with the last of a response, ${attributes
      .map(({ key, expression: source }) => `${key.namespace}/${key.name} = ${source}`)
      .join(", ")}`,
  reporter: ({ attributes }) => createReporter(attributes),
});

interface Attribute {
  readonly namespace: string;
  readonly name: string;
  readonly number: UsageExpression;
  readonly condition: UsageExpression | undefined;
}

function createReporter(specs: z.output<typeof reporterParameters>["attributes"]): ResponseReporter {
  const attributes = specs.map(
    ({ key, expression: source, condition }): Attribute => ({
      ...key,
      number: parseUsageExpression(source),
      condition: condition === undefined ? undefined : parseUsageExpression(condition),
    }),
  );
  return {
    report(counted) {
      const usage = toToldUsage(counted);
      return attributes.flatMap(({ namespace, name, number, condition }) => {
        if (condition !== undefined && condition.evaluate(usage) !== true) return [];
        const value = number.evaluate(usage);
        return typeof value === "number" ? [{ namespace, name, value }] : [];
      });
    },
  };
}
