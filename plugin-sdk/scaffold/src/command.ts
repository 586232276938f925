import { relative } from "node:path";
import { Command, Option } from "commander";
import { initPlugin } from "./init-plugin.ts";
import { type Language, languages } from "./languages.ts";

interface InitFlags {
  readonly lang: Language;
  readonly dir: string;
  readonly json: boolean;
}

/** `outrider plugin init`: the folder of a new plugin. */
export function pluginInitCommand(): Command {
  const names = Object.keys(languages);
  return new Command("init")
    .description("Make the folder of a new scorer: code, tests, and a configuration to try it with.")
    .argument("<name>", "type of the scorer, such as short-queue; also the folder's name")
    .addOption(new Option("--lang <language>", "language of the scorer").choices(names).makeOptionMandatory())
    .option("--dir <folder>", "where the folder is made", ".")
    .option("--json", "print one JSON object", false)
    .addHelpText("after", "\nExit codes: 0 made, 2 wrong usage, or the folder is there already.")
    .action(async (name: string, { lang, dir, json }: InitFlags) => {
      const result = await initPlugin(name, lang, dir);
      if (json) process.stdout.write(`${JSON.stringify(result)}\n`);
      if (result.kind === "refused") {
        process.stderr.write(`outrider plugin init: ${result.problem}\n`);
        process.exitCode = 2;
        return;
      }
      if (json) return;
      const { folder, files, next } = result;
      const steps = [`cd ${relative(process.cwd(), folder) || "."}`, ...next];
      process.stdout.write(
        `made ${folder}: ${files.join(", ")}\n\nNext:\n${steps.map((step) => `  ${step}\n`).join("")}`,
      );
    });
}
