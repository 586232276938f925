import type { Kit } from "../kit/kit.ts";
import { NotApplicable, type Rule, RuleFailure } from "../rule.ts";
import { everyLevel, reached, stateful } from "./groups.ts";

/** Time that a host leaves between SIGTERM and SIGKILL, in ms. */
const graceMs = 2_000;

/** What the guard takes for TERM and KILL, and a little, in ms. */
const hangUpMs = 3_000;

/** Output of one run that a person may still want to read, in bytes. */
const soberBytes = 1024 * 1024;

/** Process and output. */
export const processRules: readonly Rule[] = [
  {
    id: "C1",
    title: "Listens where it was told",
    levels: everyLevel,
    checks: "Starts the command with OUTRIDER_PLUGIN_SOCKET and PORT, and waits until one of them accepts connections.",
    source: "Handshake: the host picks the address; ready means that it can connect there",
    remedy: "Listen on OUTRIDER_PLUGIN_SOCKET (Session) or on 127.0.0.1:PORT (unary); do not print an address.",
    after: [],
    check: async (kit) => void (await kit.plugin.reach()),
  },
  {
    id: "C2",
    title: "Writes text alone, and little of it, to stdout and stderr",
    levels: everyLevel,
    checks: "Looks at all that the process wrote while the other rules ran: no NUL bytes; above 1 MiB is a warning.",
    source: "Handshake: stdout and stderr are logs only",
    remedy: "Send messages over the connection alone, and log less than a line a call.",
    after: reached,
    isLast: true,
    check: checkOutput,
  },
  {
    id: "C3",
    title: "Comes back after SIGKILL, as another boot",
    levels: everyLevel,
    checks: "Kills the process group, starts the command again, and compares boot_id (from level replicated on).",
    source: "Handshake: boot_id changes on restart, whatever happened to the process",
    remedy: "Make boot_id at the start, at random; leave nothing behind that stops a second start.",
    after: reached,
    isLast: true,
    check: checkRestart,
  },
  {
    id: "C4",
    title: "Ends at SIGTERM within 2 s",
    levels: everyLevel,
    checks: "Sends SIGTERM to an idle process and measures how long it lives.",
    source: "Drain: Drained, SIGTERM, 2 s, SIGKILL of the process group",
    remedy: "Handle SIGTERM: finish the calls there are and exit, also while connections are open.",
    after: reached,
    isLast: true,
    check: checkTerminate,
  },
  {
    id: "C5",
    title: "Leaves nothing behind when its host is gone",
    levels: everyLevel,
    checks: "Closes the pipe of the guard, as the end of a host does, and looks whether anybody still listens.",
    source: "Orphans: no plugin outlives its host",
    remedy: "Stay in the process group you were started in: no setsid, no daemon, no detached children.",
    after: reached,
    isLast: true,
    check: checkOrphans,
  },
  {
    id: "C6",
    title: "Ends at the end of its standard input",
    levels: everyLevel,
    checks:
      "Starts the process without a guard, closes its standard input and waits 2 s; a warning, since hosts guard.",
    source: "Orphans: the end of stdin means exit",
    remedy: "Exit when stdin ends, where stdin is a pipe.",
    after: reached,
    isLast: true,
    check: checkInputEnd,
  },
];

async function checkOutput(kit: Kit): Promise<void> {
  const { output } = kit.plugin;
  if (output === undefined) throw new NotApplicable("the kit did not start its process");
  for (const [name, log] of Object.entries(output)) {
    if (log.isBinary) throw new RuleFailure(`text on ${name}`, "NUL bytes", log.tail(3));
    if (log.bytes > soberBytes) kit.remark(`${log.bytes} bytes on ${name}: hosts drop most of that`);
  }
}

async function checkRestart(kit: Kit): Promise<void> {
  expectStarted(kit);
  const before = await bootIdOf(kit);
  await kit.plugin.kill();
  const bootId = await bootIdOf(kit);
  if (bootId === before && kit.level !== "basic")
    throw new RuleFailure("another boot_id after a restart", `"${bootId}" again`);
}

/** As the process says itself; empty at the level basic. */
async function bootIdOf(kit: Kit): Promise<string> {
  const link = await kit.open();
  return kit.level === "basic" ? "" : (await link.hello()).bootId;
}

async function checkTerminate(kit: Kit): Promise<void> {
  expectStarted(kit);
  await kit.plugin.reach();
  // An open connection is what a host's plugin has when it is told to end.
  const link = await kit.open();
  if (stateful.includes(kit.level)) await link.hello();
  const tookMs = await kit.plugin.terminate(graceMs);
  if (tookMs < graceMs) return;
  throw new RuleFailure(
    "its end within 2 s of SIGTERM",
    `a process that had to be killed after ${Math.round(tookMs)} ms`,
  );
}

async function checkOrphans(kit: Kit): Promise<void> {
  expectStarted(kit);
  await kit.plugin.reach();
  if (await kit.plugin.hangUp(hangUpMs)) return;
  throw new RuleFailure("nobody who listens when the host is gone", `somebody who does after ${hangUpMs} ms`);
}

async function checkInputEnd(kit: Kit): Promise<void> {
  expectStarted(kit);
  if (await kit.plugin.endsWithInput(kit.options.patienceMs, graceMs)) return;
  kit.remark("lives on when its standard input has ended; hosts end it by its process group");
}

function expectStarted({ plugin }: Kit): void {
  if (!plugin.isStarted) throw new NotApplicable("the kit did not start its process");
}
