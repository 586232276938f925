export { formatFigure, formatIn, shownUnit } from "./draw/format.ts";
export { type Report, type ReportRun, toRunReport } from "./report.ts";
export { WriteError, writeWhole } from "./write-file.ts";
export { reportFiles, writeReport } from "./write-report.ts";
