import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, it } from "vitest";

const module = new URL("interrupt.ts", import.meta.url).href;
/** Says that it listens, and how it was asked to end; then goes on for long. */
const program = `import { listenForInterrupt } from ${JSON.stringify(module)};
const interrupt = listenForInterrupt();
interrupt.signal.addEventListener("abort", () => console.log(interrupt.signal.reason));
setTimeout(() => {}, 60_000);
console.log("listens");`;

async function start() {
  const child = spawn(process.execPath, ["--input-type=module", "-e", program], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let said = "";
  child.stdout.on("data", (chunk) => {
    said += chunk;
  });
  const says = (word: string) => expect.poll(() => said, { timeout: 20_000 }).toContain(word);
  await says("listens");
  return { child, says };
}

it("takes signals that come together for one, and ends by a later one", async () => {
  const { child, says } = await start();
  child.kill("SIGINT");
  child.kill("SIGTERM");
  await says("SIG");
  await sleep(1_000);
  expect(child.exitCode).toBe(null);
  child.kill("SIGINT");
  const [code] = await once(child, "exit");
  expect([130, 143]).toContain(code);
});
