import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { body } from "./body/body.ts";
import { decision } from "./decision/decision.ts";
import { door } from "./door/door.ts";
import { gateway } from "./gateway/gateway.ts";
import { lab } from "./lab/lab.ts";
import { memory } from "./memory/memory.ts";
import { pluginScore } from "./plugin-score/plugin-score.ts";
import { policies } from "./policies/policies.ts";
import { pool } from "./pool/pool.ts";
import { prefix } from "./prefix/prefix.ts";
import { reload } from "./reload/reload.ts";
import { scorers } from "./scorers/scorers.ts";
import { printTable, type Section, type Table } from "./section.ts";
import { worker } from "./worker/worker.ts";

const sections: readonly Section[] = [
  decision,
  pool,
  scorers,
  pluginScore,
  worker,
  door,
  body,
  prefix,
  gateway,
  reload,
  memory,
  lab,
  policies,
];

const usage = `What Outrider costs, and what policies are worth: windows of servers in turn, CPU of each process by the operating system.

usage: npm run bench -- [--only ${sections.map(({ name }) => name).join(",")}] [--windows N] [--seconds S] [--rates 500,2000] [--json]

${sections.map(describe).join("\n")}

--rates are those of the section "decision". Times of a shared machine move: compare rows of one run.
Exit code 1 when a request failed, 2 for wrong usage.`;

process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  const options = parseOptions(args);
  if (typeof options === "string") {
    console.error(options);
    return 2;
  }
  if (options.isHelp) {
    console.log(usage);
    return 0;
  }
  const machine = `${cpus().length} cores, Node ${process.version}`;
  const tables: Record<string, readonly Table[]> = {};
  if (!options.isJson) console.log(machine);
  for (const section of options.sections) {
    const { windows = section.effort.windows, seconds = section.effort.seconds, rates } = options;
    const shown = await section.run({ windows, seconds, rates });
    tables[section.name] = shown;
    if (!options.isJson) for (const table of shown) printTable(table);
  }
  if (options.isJson) console.log(JSON.stringify({ machine, tables }));
  return Object.values(tables)
    .flat()
    .every(({ failed }) => failed === 0)
    ? 0
    : 1;
}

function describe({ name, about, effort: { windows, seconds } }: Section): string {
  const effort = seconds > 0 ? ` (${windows} windows of ${seconds} s)` : "";
  return `  ${name.padEnd(9)} ${about}${effort}`;
}

/** What was asked for. */
interface BenchOptions {
  readonly sections: readonly Section[];
  readonly windows?: number;
  readonly seconds?: number;
  readonly rates: readonly number[];
  readonly isJson: boolean;
  readonly isHelp: boolean;
}

/** The options, or what is wrong with them. */
function parseOptions(args: readonly string[]): BenchOptions | string {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        only: { type: "string" },
        windows: { type: "string" },
        seconds: { type: "string" },
        rates: { type: "string", default: "500,2000" },
        json: { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
      },
    });
    const wanted = values.only?.split(",") ?? sections.map(({ name }) => name);
    const unknown = wanted.filter((name) => !sections.some((section) => section.name === name));
    if (unknown.length > 0) return `--only does not know ${unknown.join(", ")}\n${usage}`;
    return {
      sections: sections.filter(({ name }) => wanted.includes(name)),
      ...(values.windows === undefined ? {} : { windows: readNumber("windows", values.windows) }),
      ...(values.seconds === undefined ? {} : { seconds: readNumber("seconds", values.seconds) }),
      rates: values.rates.split(",").map((rate) => readNumber("rates", rate)),
      isJson: values.json,
      isHelp: values.help,
    };
  } catch (error) {
    return `${error instanceof Error ? error.message : String(error)}\n${usage}`;
  }
}

function readNumber(flag: string, text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new RangeError(`--${flag} cannot be ${text}: more than 0`);
  return value;
}
