import { renderTable, type Tables } from "../../markdown.ts";
import { families } from "./families.ts";
import { type FamilySpec, prefix } from "./family-spec.ts";

/** Tables of the page on metrics. */
export const familyTables: Tables = Object.fromEntries(
  families.map(({ title, specs }) => [`${title} metrics`, () => renderTable(headings, specs.map(toRow))]),
);

const headings = ["name", "kind", "labels", "what it is", "older name"];

function toRow({ name, kind, labels, about, aliases }: FamilySpec): readonly string[] {
  const older = aliases.map((alias) => `\`${alias.name}\`${toDifference(labels, Object.keys(alias.labels))}`);
  return [`\`${prefix}${name}\``, kind, toList(labels), about, older.join(", ")];
}

/** The labels of an older name, where they are others. */
function toDifference(now: readonly string[], then: readonly string[]): string {
  if (now.join() === then.join()) return "";
  return then.length === 0 ? ", without labels" : `: ${toList(then)}`;
}

function toList(names: readonly string[]): string {
  return names.map((name) => `\`${name}\``).join(", ");
}
