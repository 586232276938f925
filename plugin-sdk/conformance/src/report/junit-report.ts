import type { RuleResult } from "../rule.ts";
import type { VerifyReport } from "../verify.ts";
import { countOutcomes } from "./text-report.ts";

/** The report as JUnit XML: a test suite with a case a rule; warnings are output of a case that passed. */
export function toJunitReport({ results, durationMs, seed }: VerifyReport, subject: string): string {
  const { failed, skipped } = countOutcomes(results);
  const attributes = toAttributes({
    name: `outrider plugin verify ${subject}`,
    tests: String(results.length),
    failures: String(failed),
    errors: "0",
    skipped: String(skipped),
    time: toSeconds(durationMs),
  });
  const property = `<properties><property ${toAttributes({ name: "seed", value: String(seed) })}/></properties>`;
  const suite = `<testsuite ${attributes}>\n${property}\n${results.map(toCase).join("\n")}\n</testsuite>`;
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n${suite}\n</testsuites>\n`;
}

function toCase({ rule, outcome, remarks, finding, durationMs }: RuleResult): string {
  const attributes = toAttributes({
    classname: "outrider.plugin.verify",
    name: `${rule.id} ${rule.title}`,
    time: toSeconds(durationMs),
  });
  return `<testcase ${attributes}>${toContent()}</testcase>`;

  function toContent(): string {
    if (outcome === "skipped") return `<skipped ${toAttributes({ message: remarks.join("; ") })}/>`;
    if (finding === undefined)
      return remarks.length === 0 ? "" : `<system-out>${escapeXml(remarks.join("\n"))}</system-out>`;
    const message = `expected ${finding.expected}, came ${finding.came}`;
    const text = [finding.frame, ...remarks, `remedy: ${rule.remedy}`].filter((line) => line !== "").join("\n");
    return `<failure ${toAttributes({ type: rule.id, message })}>${escapeXml(text)}</failure>`;
  }
}

function toSeconds(ms: number): string {
  return (ms / 1000).toFixed(3);
}

function toAttributes(attributes: Readonly<Record<string, string>>): string {
  return Object.entries(attributes)
    .map(([name, value]) => `${name}="${escapeXml(value)}"`)
    .join(" ");
}

/** What XML 1.0 has no character for. */
const unwritable = /[^\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/gu;

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "\n": "&#10;",
};

function escapeXml(text: string): string {
  return text.replace(unwritable, "\ufffd").replace(/[&<>"\n]/g, (char) => entities[char]!);
}
