import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { type Language, languages, type Values } from "./languages.ts";

/** What came of making a folder. */
export type InitResult =
  | {
      readonly kind: "made";
      readonly folder: string;
      readonly files: readonly string[];
      readonly next: readonly string[];
    }
  /** Nothing was written. */
  | { readonly kind: "refused"; readonly problem: string };

/** Templates, a folder a language. Files end in `.tmpl`, so that no tool of this repository takes them for its own. */
const templates = join(import.meta.dirname, "..", "templates");
const templateEnding = ".tmpl";
/** A type's name as configurations, metrics and package managers all take it. */
const namePattern = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/;
const longestName = 60;

/**
 * Makes the folder `name` with a scorer of that type, its tests and a configuration to try it with.
 * @param parent where the folder is made.
 */
export async function initPlugin(name: string, language: Language, parent: string): Promise<InitResult> {
  const folder = resolve(parent, name);
  const problem = findProblem(name, folder);
  if (problem !== undefined) return { kind: "refused", problem };
  const { prepare, next } = languages[language];
  mkdirSync(folder, { recursive: true });
  const values: Values = { ...toNames(name), ...(await prepare(folder)) };
  const files = readdirSync(join(templates, language)).sort();
  for (const file of files) writeOne(language, file, folder, values);
  return { kind: "made", folder, files: files.map((file) => file.slice(0, -templateEnding.length)), next };
}

function findProblem(name: string, folder: string): string | undefined {
  if (!namePattern.test(name) || name.length > longestName) {
    return `"${name.slice(0, 100)}" is no name for a type (write lower-case words joined by -, such as short-queue)`;
  }
  if (existsSync(folder) && readdirSync(folder).length > 0) return `${folder} is there already, and is not empty`;
  return undefined;
}

/** `short-queue` as each language writes it. */
function toNames(name: string) {
  const words = name.split("-");
  const pascal = words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join("");
  return { name, snake: words.join("_"), camel: pascal.charAt(0).toLowerCase() + pascal.slice(1), pascal };
}

function writeOne(language: Language, file: string, folder: string, values: Values): void {
  const text = readFileSync(join(templates, language, file), "utf8");
  const filled = text.replace(/\{\{(\w+)\}\}/g, (_, key: string) => {
    const value = values[key];
    if (value === undefined) throw new Error(`${language}/${file} names {{${key}}}, which is nothing`);
    return value;
  });
  writeFileSync(join(folder, file.slice(0, -templateEnding.length)), filled);
}
