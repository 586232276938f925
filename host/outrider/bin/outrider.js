#!/usr/bin/env node
// Starts the outrider command under a Node that can run it, with the memory settings of its hot path. Runs itself under
// any Node from 18 on, so plain JavaScript.
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

/** Oldest Node that runs the command's TypeScript. */
const oldestMajor = 24;
/** V8's initial old space is tiny, and each of the collections that it leads to holds up every decision for ms. */
const memoryFlags = ["--initial-old-space-size=512", "--min-semi-space-size=4", "--max-semi-space-size=4"];
const forwarded = ["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR2"];
/** What a terminal sends to this process and its child alike. */
const fromTerminal = new Set(["SIGINT", "SIGHUP", "SIGQUIT"]);

const node = findNode();
if (node === undefined) {
  const found = `this is Node ${process.versions.node}, and the package "node" has no binary`;
  console.error(`outrider: needs Node ${oldestMajor} or newer (${found}; run: npm rebuild node)`);
  process.exitCode = 2;
} else {
  run(node);
}

function findNode() {
  if (Number(process.versions.node.split(".")[0]) >= oldestMajor) return process.execPath;
  try {
    const manifest = createRequire(import.meta.url).resolve("node/package.json");
    const binary = resolve(dirname(manifest), JSON.parse(readFileSync(manifest, "utf8")).bin.node);
    return existsSync(binary) ? binary : undefined;
  } catch {
    return undefined;
  }
}

/** Compiled where published: Node strips no types below `node_modules`. */
function findMain() {
  const root = join(dirname(fileURLToPath(import.meta.url)), "..");
  const source = join(root, "src", "main.ts");
  return existsSync(source) ? source : join(root, "dist", "main.js");
}

function run(binary) {
  // By the channel the child learns when this process is killed and can tell it nothing.
  const stdio = ["inherit", "inherit", "inherit", "ipc"];
  const child = spawn(binary, [...memoryFlags, findMain(), ...process.argv.slice(2)], { stdio });
  for (const signal of forwarded) {
    process.on(signal, () => {
      if (!(process.stdin.isTTY && fromTerminal.has(signal))) child.kill(signal);
    });
  }
  child.once("error", (error) => {
    console.error(`outrider: ${binary} cannot be started: ${error.message}`);
    process.exitCode = 2;
  });
  child.once("exit", (code, signal) => {
    if (signal === null) process.exit(code);
    for (const handled of forwarded) process.removeAllListeners(handled);
    process.kill(process.pid, signal);
  });
}
