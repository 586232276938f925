import {
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "./system-clock.ts";
import { watchFile } from "./watch-file.ts";

let folder: string;
let path: string;
let seen: string[];
let stop: () => void;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "outrider-watch-"));
  path = join(folder, "epp.yaml");
  seen = [];
});
afterEach(() => {
  stop();
  rmSync(folder, { recursive: true });
});

/** Watches until the file's first content is told. */
async function watchIt(): Promise<void> {
  stop = watchFile({
    path,
    clock: systemClock,
    read: () => readFile(path),
    changed: (content) => void seen.push(content.kind === "bytes" ? content.bytes.toString() : codeOf(content.cause)),
  });
  await expect.poll(() => seen.length, { timeout: 10_000 }).toBe(1);
}

function codeOf(cause: unknown): string {
  return (cause as NodeJS.ErrnoException).code ?? "";
}

const late = { timeout: 10_000 };

describe("a watched file", () => {
  const ways: readonly { title: string; change: (text: string) => void }[] = [
    { title: "written in place", change: (text) => writeFileSync(path, text) },
    {
      title: "replaced by another, as editors do",
      change(text) {
        writeFileSync(`${path}~`, text);
        renameSync(`${path}~`, path);
      },
    },
    {
      title: "removed and made again",
      change(text) {
        unlinkSync(path);
        writeFileSync(path, text);
      },
    },
  ];
  for (const { title, change } of ways) {
    it(`is told once when it is ${title}`, async () => {
      writeFileSync(path, "one");
      await watchIt();
      change("two");
      await expect.poll(() => seen, late).toEqual(["one", "two"]);
      await sleep(200);
      expect(seen).toEqual(["one", "two"]);
    });
  }

  it("is told when the folder behind it is swapped, as Kubernetes mounts a ConfigMap", async () => {
    const put = (version: string, text: string) => {
      mkdirSync(join(folder, version));
      writeFileSync(join(folder, version, "epp.yaml"), text);
      symlinkSync(version, join(folder, "..data_tmp"));
      renameSync(join(folder, "..data_tmp"), join(folder, "..data"));
    };
    put("..2026_01", "one");
    symlinkSync("..data/epp.yaml", path);
    await watchIt();
    put("..2026_02", "two");
    rmSync(join(folder, "..2026_01"), { recursive: true });
    await expect.poll(() => seen, late).toEqual(["one", "two"]);
  });

  it("is told of what it holds in the end where it is emptied first and written in parts", async () => {
    writeFileSync(path, "one");
    await watchIt();
    truncateSync(path);
    await sleep(150);
    for (const text of ["t", "tw", "two"]) {
      writeFileSync(path, text);
      await sleep(10);
    }
    await expect.poll(() => seen.at(-1), late).toBe("two");
    expect(seen).not.toContain("");
  });

  it("is told in the end however busy its folder is", async () => {
    writeFileSync(path, "one");
    await watchIt();
    let i = 0;
    const busy = setInterval(() => writeFileSync(join(folder, "log"), String(i++)), 5);
    writeFileSync(path, "two");
    await expect.poll(() => seen, late).toEqual(["one", "two"]);
    clearInterval(busy);
  });

  it("is told when it is gone for a while, and when it is back", async () => {
    writeFileSync(path, "one");
    await watchIt();
    unlinkSync(path);
    await expect.poll(() => seen, late).toEqual(["one", "ENOENT"]);
    writeFileSync(path, "one");
    await expect.poll(() => seen, late).toEqual(["one", "ENOENT", "one"]);
  });

  it("is not told of once nobody watches", async () => {
    writeFileSync(path, "one");
    await watchIt();
    stop();
    writeFileSync(path, "two");
    await sleep(300);
    expect(seen).toEqual(["one"]);
  });
});
