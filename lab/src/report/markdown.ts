import { methodNotes, modelLimits } from "./limits.ts";
import { partialNote } from "./partial.ts";
import type { Report } from "./report.ts";
import { type TextTable, toConditions, toHeadline, toOutcomeTable, toPartTable, toPluginTable } from "./tables.ts";
import type { Versions } from "./versions.ts";

/** The report in Markdown, without charts. */
export function toMarkdown(report: Report, versions: Versions): string {
  const note = partialNote(report);
  return [
    `# ${toPlain(report.title)}`,
    ...(note === undefined ? [] : [`**Partial.** ${toPlain(note)}`]),
    ...list("What was found", report.findings),
    ...table("Figures", toHeadline(report.runs)),
    ...table("Requests by how they ended", toOutcomeTable(report.runs)),
    ...table("Parts of the workload, first seed", toPartTable(report.runs)),
    ...table("Calls of plugins", toPluginTable(report.runs)),
    ...table("How the runs were made", toConditions(report.runs)),
    `Outrider ${versions.outrider}, Node.js ${versions.node}.`,
    ...list("What the model does not do", modelLimits),
    ...list("How figures are made", methodNotes),
  ]
    .join("\n\n")
    .concat("\n");
}

function list(title: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : [`## ${title}`, lines.map((line) => `- ${toPlain(line)}`).join("\n")];
}

function table(title: string, { heads, rows }: TextTable): readonly string[] {
  if (rows.length === 0) return [];
  const lines = [heads, heads.map(() => "---"), ...rows.map((row) => row.map(toPlain))];
  return [`## ${title}`, lines.map((cells) => `| ${cells.join(" | ")} |`).join("\n")];
}

/** Names come from files: none is taken for markup, and none ends its cell. */
function toPlain(raw: string): string {
  return raw.replaceAll(/\s+/g, " ").replaceAll(/[\\`*_[\]<>|]/g, "\\$&");
}
