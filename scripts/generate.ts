/**
 * Writes every generated file of the repository anew. `node scripts/generate.ts` writes them in place;
 * `node scripts/generate.ts --check` writes them beside, names those that differ and exits with 1 if any does.
 */
import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { flagTables } from "@outrider/host/commands/flags-table";
import { toJsonSchema } from "@outrider/host/config/json-schema";
import { keyTables } from "@outrider/host/config/keys-table";
import { collectTypes } from "@outrider/host/config/shown-types";
import { typeTables } from "@outrider/host/config/types-table";
import { insertTables, type Tables } from "@outrider/host/markdown";
import { familyTables } from "@outrider/host/metrics/families-table";
import { plugins } from "outrider/plugins";
import { ruleTables } from "outrider/rule-tables";
import { readFieldDocs } from "./field-docs.ts";

/** One thing to generate. */
interface Generator {
  /** Name for messages. */
  readonly name: string;
  /** What it writes: a file, or a folder that holds nothing else; relative to the repository. */
  readonly output: string;
  /** Writes `output` under `root`, which is the repository or an empty folder. */
  write(root: string): void;
}

const repository = join(import.meta.dirname, "..");

/** TypeScript of the protos. */
const protos: Generator = {
  name: "protos",
  output: "protos/gen",
  write: (root) => {
    const tools = join(repository, "node_modules/.bin");
    execFileSync(join(tools, "buf"), ["generate", "--output", join(root, "protos")], {
      cwd: join(repository, "protos"),
      env: { ...process.env, PATH: `${tools}${delimiter}${process.env.PATH}` },
      stdio: ["ignore", "inherit", "inherit"],
    });
  },
};

/** The contract as the Python SDK carries it: its messages are made of this at import. */
const pythonContract: Generator = {
  name: "contract of the Python SDK",
  output: "plugin-sdk/python/src/outrider_plugin/contract.binpb",
  write(root) {
    const output = join(root, this.output);
    mkdirSync(dirname(output), { recursive: true });
    const what = ["--path", "outrider/scorer", "--path", "grpc/health"];
    const form = ["--exclude-source-info", "--as-file-descriptor-set", "--output", output];
    const cwd = join(repository, "protos");
    execFileSync(join(repository, "node_modules/.bin/buf"), ["build", ...what, ...form], { cwd, stdio: "inherit" });
  },
};

/** Tables in a page for users; the page's own text stays. */
function pageTables(page: string, tables: Tables): Generator {
  return {
    name: `tables of ${page}`,
    output: page,
    write(root) {
      mkdirSync(dirname(join(root, page)), { recursive: true });
      writeFileSync(join(root, page), insertTables(readFileSync(join(repository, page), "utf8"), tables));
    },
  };
}

const docs = readFieldDocs(repository);
const types = await collectTypes(plugins, docs.types);

/** JSON Schema of configurations, as `outrider config schema` prints it. */
const configSchema: Generator = {
  name: "JSON Schema of configurations",
  output: "host/outrider/config.schema.json",
  write(root) {
    const output = join(root, this.output);
    mkdirSync(dirname(output), { recursive: true });
    const input = JSON.stringify(toJsonSchema(types, docs.config));
    const biome = join(repository, "node_modules/.bin/biome");
    writeFileSync(
      output,
      execFileSync(biome, ["format", `--stdin-file-path=${this.output}`], { input, cwd: repository }),
    );
  },
};

/** Everything that is generated, in the order it is written. */
const generators: readonly Generator[] = [
  protos,
  pythonContract,
  pageTables("docs/configuration.md", keyTables),
  pageTables("docs/serve.md", flagTables),
  pageTables("docs/metrics.md", familyTables),
  pageTables("docs/plugin-rules.md", ruleTables),
  pageTables("docs/plugin-types.md", typeTables(types)),
  configSchema,
];

/** Files below a path, relative to `root`; the path itself where it is a file, nothing where it is missing. */
function filesBelow(root: string, path: string): readonly string[] {
  const full = join(root, path);
  if (!existsSync(full)) return [];
  if (statSync(full).isFile()) return [path];
  return readdirSync(full).flatMap((name) => filesBelow(root, join(path, name)));
}

/** Why a file is not as it would be generated, or nothing. */
function differenceOf(path: string, fresh: string): string | undefined {
  if (!existsSync(join(repository, path))) return "missing";
  if (!existsSync(join(fresh, path))) return "no longer generated";
  return readFileSync(join(repository, path)).equals(readFileSync(join(fresh, path))) ? undefined : "differs";
}

/** Lines `path: why`, one per committed file that is not as its generator writes it. */
function findDifferences(generator: Generator): readonly string[] {
  const fresh = mkdtempSync(join(tmpdir(), "outrider-generate-"));
  try {
    generator.write(fresh);
    const paths = new Set([repository, fresh].flatMap((root) => filesBelow(root, generator.output)));
    return [...paths].sort().flatMap((path) => {
      const difference = differenceOf(path, fresh);
      return difference === undefined ? [] : [`${path}: ${difference}`];
    });
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}

/** Reports what differs; returns the exit code. */
function check(): number {
  const differences = generators.flatMap(findDifferences);
  for (const line of differences) console.error(line);
  if (differences.length > 0) console.error("run `npm run generate` and commit what it writes");
  return differences.length > 0 ? 1 : 0;
}

/** Writes everything in place; returns the exit code. */
function generate(): number {
  for (const generator of generators) {
    generator.write(repository);
    console.log(`${generator.name}: ${generator.output}`);
  }
  return 0;
}

const [mode, ...rest] = process.argv.slice(2);
if ((mode !== undefined && mode !== "--check") || rest.length > 0) {
  console.error("usage: node scripts/generate.ts [--check]");
  process.exit(2);
}
process.exit(mode === "--check" ? check() : generate());
