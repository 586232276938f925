export { formatIn, shownUnit } from "./draw/format.ts";
export { toMarkdown } from "./markdown.ts";
export { groupRuns, policiesOf, type Report, type ReportRun, type RunGroup, toRunReport } from "./report.ts";
export { toPoint } from "./sweep-charts.ts";
export { versions } from "./versions.ts";
export { WriteError, writeAll, writeWhole } from "./write-file.ts";
export { reportFiles, writeReport } from "./write-report.ts";
