import { globSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** Rooms of the house, longest first, and what each may import of ours; `*` = anything. */
const rooms: readonly (readonly [folder: string, mayImport: readonly string[]])[] = [
  ["plugin-sdk/transport", ["@outrider/core/contract", "@outrider/protos"]],
  ["plugin-sdk/typescript", ["@outrider/core/contract", "@outrider/protos", "@outrider/transport"]],
  ["plugin-sdk/scaffold", []],
  ["plugin-sdk/conformance", ["@outrider/core/contract", "@outrider/protos", "@outrider/transport"]],
  ["host/outrider", ["*"]],
  ["test/fleet", ["@outrider/lab"]],
  ["protos", []],
  ["core", []],
  ["plugins", ["@outrider/plugin-sdk"]],
  ["host", ["@outrider/core", "@outrider/protos", "@outrider/transport"]],
  ["lab", ["@outrider/core", "@outrider/protos", "@outrider/transport", "@outrider/host"]],
  ["examples", ["@outrider/fleet", "@outrider/plugin-sdk", "@outrider/example-envoy"]],
  ["test", ["*"]],
  ["scripts", ["*"]],
];

/** Rooms of the lab, and which of the others each may import. */
const labRooms: Readonly<Record<string, readonly string[]>> = {
  contract: ["engine"],
  engine: [],
  simulation: ["contract", "engine"],
  workload: ["contract"],
  scenario: ["contract", "engine", "workload"],
  results: ["contract", "engine"],
  report: ["results"],
  compare: ["contract", "report", "results", "scenario", "simulation"],
  experiment: ["compare", "report", "results", "scenario", "workload"],
  replay: [],
  commands: ["compare", "contract", "experiment", "replay", "report", "results", "scenario", "simulation"],
};

interface Import {
  readonly file: string;
  readonly specifier: string;
}

const sources = globSync("{protos,core,plugin-sdk,plugins,host,lab,examples,test,scripts}/**/*.ts", {
  cwd: root,
  exclude: (path) => path.split("/").some((part) => part === "node_modules" || part === "gen" || part === "dist"),
});
const imports: readonly Import[] = sources.flatMap((file) =>
  [...readFileSync(join(root, file), "utf8").matchAll(/(?:\bfrom|\bimport)\s*\(?\s*"([^"]+)"/g)].map((match) => ({
    file,
    specifier: match[1] ?? "",
  })),
);
const roomOf = (file: string) => rooms.find(([folder]) => file.startsWith(`${folder}/`));
const packageOf = (file: string): string => {
  const parts = file.split("/");
  const depth = ["plugin-sdk", "plugins", "examples"].includes(parts[0] ?? "") || isNested(file) ? 2 : 1;
  return parts.slice(0, depth).join("/");
};
const isNested = (file: string) => file.startsWith("host/outrider/") || file.startsWith("test/fleet/");

describe("imports", () => {
  it("finds the sources", () => {
    expect(sources.length).toBeGreaterThan(50);
    expect(imports.length).toBeGreaterThan(200);
  });

  it("point only where the house allows", () => {
    const faults = imports
      .filter(({ specifier }) => specifier.startsWith("@outrider/"))
      .filter(({ file, specifier }) => !isAllowed(file, specifier));
    expect(faults).toEqual([]);
  });

  it("never reach into another package by a relative path", () => {
    const faults = imports
      .filter(({ specifier }) => specifier.startsWith("."))
      .filter(({ file, specifier }) => {
        const target = relative(root, join(root, dirname(file), specifier));
        return packageOf(target) !== packageOf(file);
      });
    expect(faults).toEqual([]);
  });

  it("of the lab's rooms point only where its README says", () => {
    const faults = imports
      .filter(
        ({ file, specifier }) =>
          file.startsWith("lab/src/") && !/\.test\.ts$|\/fixtures\//.test(file) && specifier.startsWith("."),
      )
      .filter(({ file, specifier }) => {
        const [from = "", to = ""] = [file, join(dirname(file), specifier)].map((path) => path.split("/")[2] ?? "");
        return from !== to && !labRooms[from]?.includes(to);
      });
    expect(faults).toEqual([]);
    const readme = readFileSync(join(root, "lab/README.md"), "utf8");
    const told = [...readme.matchAll(/^\| \[?`src\/([a-z]+)`/gm)].map(([, room]) => room);
    expect(told).toEqual(Object.keys(labRooms));
  });

  it("keep Envoy's messages inside the ext_proc door", () => {
    const faults = imports
      .filter(({ specifier }) => specifier.startsWith("@outrider/protos/ext-proc"))
      .filter(({ file }) => file.startsWith("host/") && !file.startsWith("host/src/ext-proc/"));
    expect(faults).toEqual([]);
  });

  it("keep the messages of the Pick RPC inside its door", () => {
    const faults = imports
      .filter(({ specifier }) => specifier.startsWith("@outrider/protos/picker"))
      .filter(({ file }) => file.startsWith("host/") && !file.startsWith("host/src/pick/"));
    expect(faults).toEqual([]);
  });
});

/** Whether the room of a file may import a package of ours; its own is always fine. */
function isAllowed(file: string, specifier: string): boolean {
  const room = roomOf(file);
  if (room === undefined) return false;
  const [, allowed] = room;
  if (file.endsWith(".test.ts") && specifier === "@outrider/core") return true; // direction is about what ships
  if (allowed.includes("*") || specifier === ownName(file) || specifier.startsWith(`${ownName(file)}/`)) return true;
  return allowed.some((name) => specifier === name || specifier.startsWith(`${name}/`));
}

function ownName(file: string): string {
  const manifest = JSON.parse(readFileSync(join(root, packageOf(file), "package.json"), "utf8")) as { name: string };
  return manifest.name;
}
