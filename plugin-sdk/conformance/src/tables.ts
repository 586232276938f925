import { rules } from "./catalogue.ts";

/** Tables of the page on the duties of a plugin, by the names in its markers. */
export const ruleTables: Readonly<Record<string, () => string>> = {
  "plugin rules": renderRules,
};

/** Duties of a plugin as a Markdown table. */
function renderRules(): string {
  const rows = rules.map(({ id, levels, title, checks, source, remedy }) => {
    return [id, levels.join(", "), `**${title}.** ${checks}`, source, remedy];
  });
  const headings = ["rule", "levels", "what a plugin does, and how it is checked", "contract", "how to fix it"];
  return [headings, headings.map(() => "---"), ...rows]
    .map((cells) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`)
    .join("\n");
}
