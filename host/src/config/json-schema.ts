import type { ConfigSchema } from "@outrider/core/contract";
import { z } from "zod";
import { endpointPickerConfig, needEntry } from "./schema.ts";

/** A JSON Schema, or a part of one. */
export type JsonSchema = z.core.JSONSchema.BaseSchema;

/** Docstrings of fields by their path, such as `plugins[].type`. */
export type FieldDocs = ReadonlyMap<string, string>;

/** A plugin type that the schema knows. */
export interface KnownType {
  readonly type: string;
  /** Checks its `parameters:`. */
  readonly parameters: ConfigSchema<unknown>;
  readonly docs: FieldDocs;
}

/** Fields of an entry of `plugins:` that say that another program declares its type. */
const elsewhere = ["process", "module"] as const;

/**
 * JSON Schema of configurations, as far as their shape goes: what refers to what is left to `outrider config check`.
 * @param docs of the fields outside of `parameters:`.
 */
export function toJsonSchema(types: readonly KnownType[], docs: FieldDocs): JsonSchema {
  const schema = describeFields(convert(endpointPickerConfig), docs);
  const plugins = schema.properties?.plugins as JsonSchema;
  plugins.items = { ...(plugins.items as JsonSchema), ...ofOurTypes(types) };
  return { title: "EndpointPickerConfig", ...schema };
}

/** JSON Schema of a type's `parameters:`; of anything where they are checked by other means than zod. */
export function toParametersSchema({ parameters, docs }: KnownType): JsonSchema {
  const { $schema: _, ...schema } = isZod(parameters) ? describeFields(convert(parameters), docs) : {};
  return schema;
}

/** A type that no other program declares is one of ours, with its parameters. */
function ofOurTypes(types: readonly KnownType[]): JsonSchema {
  const parameters = types.map((known) =>
    implies({ properties: { type: { const: known.type } } }, { properties: { parameters: toParametersSchema(known) } }),
  );
  const type = { enum: types.map((known) => known.type) };
  const isOurs = { not: { anyOf: elsewhere.map((field) => ({ required: [field] })) } };
  return implies(isOurs, { properties: { type }, allOf: parameters });
}

function implies(condition: JsonSchema, consequence: JsonSchema): JsonSchema {
  // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
  return { if: condition, then: consequence }; // oxlint-disable-line unicorn/no-thenable
}

function convert(schema: z.ZodType): JsonSchema {
  return z.toJSONSchema(schema, {
    io: "input",
    unrepresentable: "any",
    override: ({ zodSchema, jsonSchema }) => {
      for (const bound of ["minimum", "maximum"] as const) {
        if (Math.abs(jsonSchema[bound] ?? 0) === Number.MAX_SAFE_INTEGER) delete jsonSchema[bound];
      }
      if (zodSchema !== (needEntry as unknown)) return;
      const map = { ...jsonSchema };
      for (const key of Object.keys(jsonSchema)) delete jsonSchema[key];
      jsonSchema.anyOf = [{ type: "string" }, map];
    },
  }) as JsonSchema;
}

function isZod(schema: object): schema is z.ZodType {
  return "_zod" in schema;
}

/** The schema with the docstring of each field as its description. */
function describeFields(schema: JsonSchema, docs: FieldDocs, path = ""): JsonSchema {
  const described: JsonSchema = { ...schema };
  if (schema.properties !== undefined) {
    const fields = Object.entries(schema.properties).map(([name, field]) => {
      const at = path === "" ? name : `${path}.${name}`;
      const description = docs.get(at);
      const inner = describeFields(field as JsonSchema, docs, at);
      return [name, description === undefined ? inner : { description, ...inner }];
    });
    described.properties = Object.fromEntries(fields);
  }
  if (schema.items !== undefined) described.items = describeFields(schema.items as JsonSchema, docs, `${path}[]`);
  for (const choice of ["anyOf", "oneOf", "allOf"] as const) {
    const options = schema[choice] as readonly JsonSchema[] | undefined;
    if (options !== undefined) described[choice] = options.map((each) => describeFields(each, docs, path));
  }
  return described;
}
