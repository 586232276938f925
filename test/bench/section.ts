/** What a section shows. */
export interface Table {
  readonly title: string;
  /** Cells by the heads of their columns; all rows have the same. */
  readonly rows: readonly Readonly<Record<string, string | number>>[];
  /** What to know to read it: goals with what was reached, above all. */
  readonly notes: readonly string[];
  /** Requests that failed. None may: what fails is cheap. */
  readonly failed: number;
}

/** How thoroughly to measure. */
export interface Effort {
  /** Windows of each row that count. */
  readonly windows: number;
  /** Length of a window, in s. */
  readonly seconds: number;
  /** Decisions a second, where a section has none of its own. */
  readonly rates: readonly number[];
}

/** One question that the benchmark answers. */
export interface Section {
  /** As `--only` names it. */
  readonly name: string;
  /** For the help. */
  readonly about: string;
  /** Effort where less or more is not asked for. */
  readonly effort: Pick<Effort, "windows" | "seconds">;
  run(effort: Effort): Promise<readonly Table[]>;
}

/** A table in Markdown. */
export function printTable({ title, rows, notes }: Table): void {
  const columns = Object.keys(rows[0] ?? {});
  console.log(`\n## ${title}\n\n| ${columns.join(" | ")} |\n|${"---|".repeat(columns.length)}`);
  for (const row of rows) console.log(`| ${columns.map((column) => row[column]).join(" | ")} |`);
  if (notes.length > 0) console.log(`\n${notes.join("\n")}`);
}
