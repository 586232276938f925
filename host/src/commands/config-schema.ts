import { readFile } from "node:fs/promises";
import { Command } from "commander";

/** `outrider config schema`: the JSON Schema of configurations, for editors. @param schema file that holds it. */
export function configSchemaCommand(schema: URL): Command {
  return new Command("schema")
    .description("Print the JSON Schema of configurations: editors complete and check by it.")
    .addHelpText(
      "after",
      "\nFor the YAML extension of editors: # yaml-language-server: $schema=FILE in the first line.",
    )
    .action(async () => void process.stdout.write(await readFile(schema)));
}
