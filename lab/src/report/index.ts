export { formatIn, shownUnit } from "./draw/format.ts";
export { toMarkdown } from "./markdown.ts";
export { type Report, type ReportRun, toRunReport } from "./report.ts";
export { versions } from "./versions.ts";
export { WriteError, writeAll, writeWhole } from "./write-file.ts";
export { reportFiles, writeReport } from "./write-report.ts";
