// Runs a command of the repository on a machine that has only Node 20+ and npm: brings the pinned pnpm and, through it,
// Node 24 and what the command needs. Plain JavaScript that old Node versions read.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const pnpm = "pnpm@12.21.0";
const marker = join(root, "node_modules", ".outrider-installed");

/** What each command installs and runs: `run` needs no tools of developers, `full` everything. */
const commands = {
  demo: { install: "run", argv: ["host/outrider/bin/outrider.js", "demo"] },
  test: { install: "full", argv: ["scripts/check.ts"] },
  bench: { install: "full", argv: ["test/bench/main.ts"] },
  soak: { install: "full", argv: ["test/soak/main.ts"] },
  "epp-cases": { install: "full", argv: ["test/conformance/main.ts"] },
};

const [name, ...args] = process.argv.slice(2);
const command = Object.hasOwn(commands, name ?? "") ? commands[name] : undefined;
if (command === undefined) {
  console.error(`usage: node scripts/run.mjs ${Object.keys(commands).join("|")} [ARGUMENT ...]`);
  process.exit(2);
}
await install(command.install);
const bin = join(root, "node_modules", ".bin");
const node = join(root, "node_modules", "node", "bin", "node");
const env = { ...process.env, PATH: `${bin}:${process.env.PATH}` };
process.exitCode = await run(node, [...command.argv, ...args], { env, stdio: "inherit" });

/** Installs from the lock; says so, since the first time takes a while, and does nothing when it is done already. */
async function install(kind) {
  const lock = createHash("sha256")
    .update(readFileSync(join(root, "pnpm-lock.yaml")))
    .digest("hex");
  const done = existsSync(marker) ? readFileSync(marker, "utf8").trim() : "";
  if (done === `full ${lock}` || done === `${kind} ${lock}`) return;
  // What developers have stays: without their tools they would be left with half an installation.
  const full = kind === "full" || existsSync(join(root, "node_modules", ".bin", "vitest"));
  console.error(
    `Installing ${full ? "everything" : "what the demo needs"} (once; the first time takes about half a minute) ...`,
  );
  const argv = ["-y", pnpm, "install", "--frozen-lockfile", ...(full ? [] : ["--prod"])];
  const code = await run("npx", argv, {
    env: { ...process.env, CI: "true" },
    stdio: ["ignore", "pipe", "pipe"],
    progress: true,
  });
  if (code !== 0) {
    console.error(
      `\nThe installation failed (exit code ${code}); its output is above. It needs a way to the npm registry.`,
    );
    process.exit(2);
  }
  writeFileSync(marker, `${full ? "full" : kind} ${lock}\n`);
}

/** Starts a child, passes on signals, resolves with its exit code. With `progress`, its output is kept for a failure. */
function run(file, argv, { progress = false, ...options }) {
  return new Promise((resolve) => {
    const child = spawn(file, argv, { cwd: root, ...options });
    const kept = [];
    const ticker = progress ? setInterval(() => process.stderr.write("."), 2000) : undefined;
    child.stdout?.on("data", (data) => kept.push(data));
    child.stderr?.on("data", (data) => kept.push(data));
    for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => child.kill(signal));
    child.on("error", (error) => {
      console.error(`cannot start ${file}: ${error.message}`);
      resolve(2);
    });
    child.on("close", (code, signal) => {
      clearInterval(ticker);
      if (progress) process.stderr.write(code === 0 ? " done\n" : `\n${Buffer.concat(kept)}`);
      resolve(code ?? (signal === "SIGINT" ? 130 : 143));
    });
  });
}
