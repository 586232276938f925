import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";
import { type GoToolchain, goSdk, installGoForSdk } from "../../clients/go-sdk.ts";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const cache = join(root, ".cache/go");
const minutes = 60_000;

let go: GoToolchain;
beforeAll(async () => {
  go = await installGoForSdk();
  mkdirSync(cache, { recursive: true });
}, 5 * minutes);

describe("the Go SDK", () => {
  it("passes its own tests", { timeout: 5 * minutes }, async () => {
    expect(await go.run(["go", "test", "./..."], goSdk)).toMatch(/^ok\s+outrider.dev/m);
  });

  const silent = {
    "keeps what vet looks for": ["go", "vet", "./..."],
    "is formatted": ["gofmt", "-l", "."],
    "names each module that it needs, and no other": ["go", "mod", "tidy", "-diff"],
  };
  for (const [title, command] of Object.entries(silent)) {
    it(title, { timeout: 5 * minutes }, async () => expect(await go.run(command, goSdk)).toBe(""));
  }

  it("serves plugins that keep every rule of the conformance kit", { timeout: 5 * minutes }, async () => {
    const verify = [process.execPath, join(root, "host/outrider/src/main.ts"), "plugin", "verify"];
    expect(await go.run([...verify, await go.build("testplugin")], root)).toMatch(/ 0 failed/);
  });

  it("carries the contract as it is generated from the .proto", { timeout: 5 * minutes }, async () => {
    const fresh = mkdtempSync(join(cache, "gen-"));
    const path = `PATH=${join(root, "node_modules/.bin")}${delimiter}${process.env.PATH}`;
    await go.run(["env", path, "buf", "generate", "--output", fresh], goSdk);
    const paths = filesBelow(join(goSdk, "gen"));
    expect(filesBelow(join(fresh, "gen"))).toEqual(paths);
    for (const file of paths) {
      const isSame = readFileSync(join(goSdk, "gen", file)).equals(readFileSync(join(fresh, "gen", file)));
      expect(isSame, `plugin-sdk/go/gen/${file} is old: run \`go generate\` in plugin-sdk/go`).toBe(true);
    }
    rmSync(fresh, { recursive: true });
  });
});

describe("the page of the Go SDK", () => {
  const page = readFileSync(join(goSdk, "README.md"), "utf8");
  const blocks = [...page.matchAll(/```go\n\/\/ (\S+)\n([\s\S]*?)```/g)];
  const files = blocks.map(([, name = "", code = ""]) => ({ name, code }));
  const commands = [...page.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, text = ""]) =>
    text.trim().replaceAll("/path/to/outrider", root.replace(/\/$/, "")),
  );

  it("shows modules that build, and tests that pass", { timeout: 5 * minutes }, async () => {
    const names = ["short-queue/main.go", "sticky/main.go", "short-queue/main_test.go", "sticky/main_test.go"];
    expect(files.map(({ name }) => name)).toEqual([...names, "remote/main.go"]);
    expect(commands).toHaveLength(2);
    const folder = mkdtempSync(join(cache, "readme-"));
    const [begin = "", build = ""] = commands;
    await go.run(["sh", "-ec", begin], folder);
    for (const { name, code } of files) {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), code);
    }
    await go.run(["sh", "-ec", build], folder);
    expect(readdirSync(join(folder, "bin")).sort()).toEqual(["remote", "short-queue", "sticky"]);
    expect((await go.run(["go", "test", "./..."], folder)).match(/^ok\s/gm)).toHaveLength(2);
    expect(await go.run(["gofmt", "-l", "."], folder)).toBe("");
    rmSync(folder, { recursive: true });
  });
});

function filesBelow(folder: string): readonly string[] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name).slice(folder.length + 1))
    .sort();
}
