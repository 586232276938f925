import { spawn } from "node:child_process";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";

/** A command that must not outlive this process. */
export interface GuardedCommand {
  /** Program, by path or by name in `PATH`. */
  readonly command: string;
  /** Its arguments, as they are. */
  readonly args: readonly string[];
  /** All of its environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Folder it runs in. */
  readonly cwd: string;
}

/** How a guarded command ended; exactly one of both is set. */
export interface GuardedExit {
  /** Exit code; 127 where there is no such command, 128 + n where signal n ended it. */
  readonly code: number | null;
  /** Signal that ended the guard, and the command with it. */
  readonly signal: NodeJS.Signals | null;
}

/** A guarded command under way. */
export interface GuardedProcess {
  /** Of the guard, which leads the process group; `undefined` where it could not be started. */
  readonly pid: number | undefined;
  /** The command's standard output. */
  readonly stdout: Readable;
  /** The command's standard error, and what the guard has to say. */
  readonly stderr: Readable;
  /** Settles when the command has ended; what it left behind in its group is gone within a second. */
  readonly exited: Promise<GuardedExit>;
  /** Lets go of the guard, as the end of this process would: it ends the command and its group. */
  hangUp(): void;
  /** TERM to the command, KILL to its whole group after `graceMs`; settles when it has ended. */
  terminate(graceMs: number): Promise<GuardedExit>;
}

const guardPath = fileURLToPath(new URL("../guard.sh", import.meta.url));

/**
 * Starts a command behind a small shell in a process group of its own, which kills the group when this process ends,
 * however it does, and when the command itself ends. The command's standard input is empty. A child that leaves its
 * process group (`setsid`) escapes.
 */
export function spawnGuarded({ command, args, env, cwd }: GuardedCommand): GuardedProcess {
  const guard = spawn("/bin/sh", [guardPath, command, ...args], { env, cwd, detached: true, stdio: "pipe" });
  const { pid, stdin, stdout, stderr } = guard;
  // The guard may end before its input is closed.
  stdin.on("error", () => {});
  const exited = new Promise<GuardedExit>((resolve) => {
    guard.once("exit", (code, signal) => resolve({ code, signal }));
    guard.once("error", () => resolve({ code: 127, signal: null }));
  });
  let ended = false;
  void exited.then((exit) => {
    ended = true;
    // Somebody killed the guard itself, which can no longer clear up.
    if (exit.signal !== null && pid !== undefined) signal(-pid, "SIGKILL");
  });

  return {
    pid,
    stdout,
    stderr,
    exited,
    hangUp: () => void stdin.end(),
    async terminate(graceMs) {
      if (pid === undefined || ended) return exited;
      signal(pid, "SIGTERM");
      const timer = setTimeout(() => signal(-pid, "SIGKILL"), graceMs);
      const exit = await exited;
      clearTimeout(timer);
      return exit;
    },
  };
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    // Gone already.
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
