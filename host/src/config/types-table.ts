import { renderTable, type Tables } from "../markdown.ts";
import { type JsonSchema, toParametersSchema } from "./json-schema.ts";
import { refusedTypes } from "./refused-types.ts";
import type { ShownType, TypeRole } from "./shown-types.ts";

/** Tables by their name in the page, with the roles whose types they list; a type of several roles is in each. */
const groups: Readonly<Record<string, readonly TypeRole[]>> = {
  scorers: ["scorer"],
  producers: ["producer"],
  filters: ["filter"],
  pickers: ["picker"],
  "profile handlers": ["handler"],
  deciders: ["decider"],
  parsers: ["parser"],
  admission: ["detector", "screener", "admitter"],
  "requests and responses": ["agent", "session", "reporter"],
  data: ["data"],
  "without effect": ["implied"],
};

/** Tables of the page on plugin types. */
export function typeTables(types: readonly ShownType[]): Tables {
  const tables = Object.entries(groups).map(([name, roles]) => {
    const listed = types.filter((type) => roles.some((role) => type.roles.includes(role)));
    return [name, () => renderTypes(listed)] as const;
  });
  return { ...Object.fromEntries(tables), "refused types": renderRefused };
}

function renderTypes(types: readonly ShownType[]): string {
  const rows = types.map((type) => {
    const notice = type.notice === undefined ? "" : ` _${toCell(type.notice)}_`;
    return [`\`${type.type}\``, `${toCell(type.about)}${notice}`, renderParameters(toParametersSchema(type))];
  });
  return renderTable(["type", "what it does", "parameters"], rows);
}

function renderRefused(): string {
  const rows = refusedTypes.map(({ type, reason, remedy }) => [`\`${type}\``, toCell(reason), toCell(remedy)]);
  return renderTable(["type of the reference EPP", "why it is not there", "what to do"], rows);
}

/** A line a parameter: its path with its default, and what it says. */
function renderParameters(schema: JsonSchema): string {
  const lines = parametersIn(schema).map(({ path, field, required }) => {
    const preset = field.default === undefined ? "" : `: ${JSON.stringify(field.default)}`;
    const must = required ? " (must be given)" : "";
    const text = field.description === undefined ? "" : ` – ${toCell(field.description)}`;
    return `\`${path}${preset}\`${must}${text}`;
  });
  return lines.length === 0 ? "none" : lines.join("<br>");
}

interface Parameter {
  readonly path: string;
  readonly field: JsonSchema;
  readonly required: boolean;
}

/** Fields of a map, each before those inside of it. */
function parametersIn(schema: JsonSchema, path = ""): readonly Parameter[] {
  const options = [schema.anyOf, schema.oneOf].flatMap((list) => (list ?? []) as readonly JsonSchema[]);
  const own = Object.entries(schema.properties ?? {}).flatMap(([name, inner]) => {
    const field = inner as JsonSchema;
    const at = path === "" ? name : `${path}.${name}`;
    const required = schema.required?.includes(name) === true;
    return [{ path: at, field, required }, ...parametersIn(field, at)];
  });
  const items = schema.items === undefined ? [] : parametersIn(schema.items as JsonSchema, `${path}[]`);
  const all = [...own, ...items, ...options.flatMap((option) => parametersIn(option, path))];
  return all.filter((each, i) => all.findIndex((other) => other.path === each.path) === i);
}

/** Text of a cell: what ends one is escaped. */
function toCell(text: string): string {
  return text.replaceAll("|", "\\|");
}
