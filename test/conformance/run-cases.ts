import type { Adapter, RunContext } from "./adapter.ts";
import { adapters } from "./adapters/index.ts";
import type { CaseFile, EppCase } from "./case-file.ts";
import { type CaseResult, fail, NotApplicable, notApplicable, type Verdict } from "./verdict.ts";

/**
 * Runs the cases of a file one after another against Outrider, in the file's order.
 * @param onResult hears of each result as it is known.
 */
export async function runCases(
  file: CaseFile,
  onResult: (result: CaseResult) => void = () => {},
): Promise<CaseResult[]> {
  const context: RunContext = { fixtures: file.fixtures };
  const results: CaseResult[] = [];
  for (const testCase of file.cases) {
    const result = { id: testCase.id, ...(await runCase(testCase, context)) };
    results.push(result);
    onResult(result);
  }
  return results;
}

async function runCase(testCase: EppCase, context: RunContext): Promise<Verdict> {
  const adapter: Adapter | undefined = Object.hasOwn(adapters, testCase.group) ? adapters[testCase.group] : undefined;
  if (adapter === undefined) return notApplicable("unknown group", testCase.group || "none");
  try {
    return await adapter(testCase, context);
  } catch (error) {
    if (error instanceof NotApplicable) return error.verdict;
    return fail(
      `threw ${error instanceof Error ? (error.stack ?? error.message).split("\n").slice(0, 2).join(" ") : error}`,
    );
  }
}
