import { columnKeys, dataKeys, type KeySpec, needKeys } from "@outrider/core/contract";

const sources: Readonly<Record<KeySpec["source"], string>> = {
  scraped: "scraped from the model server",
  host: "the host: what it has sent",
  producer: "producers, per candidate and request",
};

const grants: Readonly<Record<"always" | "asked" | "operator", string>> = {
  always: "always there",
  asked: "by asking",
  operator: "by the operator's `grant:` alone",
};

/** Tables of a page by their name in its markers. */
const tables: Readonly<Record<string, () => string>> = {
  "column keys": () => renderKeys({ ...columnKeys, ...dataKeys }),
  "need keys": renderNeeds,
};

/** Columns and data that a plugin may read, as a Markdown table. */
function renderKeys(keys: Readonly<Record<string, KeySpec>>): string {
  const rows = Object.entries(keys).map(([key, { unit, source, about }]) => [
    `\`${key}\``,
    unit,
    sources[source],
    about,
  ]);
  return renderTable(["key", "unit", "from", "what it is"], rows);
}

/** Facts and events that a plugin may ask for, as a Markdown table. */
function renderNeeds(): string {
  const rows = Object.entries(needKeys).map(([key, { grant, about }]) => [`\`${key}\``, grants[grant], about]);
  return renderTable(["key", "granted", "what it is"], rows);
}

function renderTable(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [headings, headings.map(() => "---"), ...rows];
  return lines.map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

/**
 * A page with its generated tables anew: each stands between `<!-- generated: NAME -->` and `<!-- end -->`.
 * @throws {Error} for a name that is no table's.
 */
export function insertKeysTables(page: string): string {
  return page.replaceAll(
    /(<!-- generated: ([\w ]+) -->\n)[\s\S]*?(<!-- end -->)/g,
    (_, start: string, name: string, end: string) => {
      const render = Object.hasOwn(tables, name) ? tables[name] : undefined;
      if (render === undefined) throw new Error(`no generated table is called "${name}"`);
      return `${start}${render()}\n${end}`;
    },
  );
}
