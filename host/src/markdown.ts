/** Tables of a page by the names in its markers. */
export type Tables = Readonly<Record<string, () => string>>;

/** A Markdown table. */
export function renderTable(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [headings, headings.map(() => "---"), ...rows];
  return lines.map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

/**
 * A page with its generated tables anew: each stands between `<!-- generated: NAME -->` and `<!-- end -->`.
 * @throws {Error} for a name that is no table's.
 */
export function insertTables(page: string, tables: Tables): string {
  return page.replaceAll(
    /(<!-- generated: ([\w ]+) -->\n)[\s\S]*?(<!-- end -->)/g,
    (_, start: string, name: string, end: string) => {
      const render = Object.hasOwn(tables, name) ? tables[name] : undefined;
      if (render === undefined) throw new Error(`no generated table is called "${name}"`);
      return `${start}${render()}\n${end}`;
    },
  );
}
