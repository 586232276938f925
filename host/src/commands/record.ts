import { Command, InvalidArgumentError } from "commander";
import { parseDurationMs, parseSizeBytes } from "../config/units.ts";
import { type AdminClient, type AdminFlags, failAnswer, openAdmin, withAdminFlags } from "./admin-client.ts";
import { createRecordProgress } from "./record-progress.ts";
import { openRecordingFile, type RecordingFile } from "./recording-file.ts";
import { pathOf, toError } from "./usage.ts";

interface RecordFlags extends AdminFlags {
  readonly for?: number;
  readonly decisions?: number;
  readonly sample: number;
  readonly maxBytes?: number;
  readonly promptText: boolean;
  readonly tokenIds: boolean;
}

const help = `
The file has the configuration without values of env:, the endpoint table, and of each request what is known of it
(block hashes, and no text), what was decided and why, and how it ended. What it does not have to begin with is what
plugins had learned before: record from the host's first request on, and outrider replay makes every decision again.

Ctrl-C ends the recording well. Exit codes: 0 written, 1 the host or the file failed, 2 wrong usage.`;

/** `outrider record`: the decisions of a running host, as a file. */
export function recordCommand(): Command {
  const record = new Command("record")
    .description("Write the decisions of a running host to a file, for outrider replay and outrider simulate.")
    .argument("<file>", "recording to write; one that is there is replaced")
    .option("--for <time>", "stop after this time, such as 30s", toMs)
    .option("--decisions <count>", "stop after so many decisions", toCount)
    .option("--max-bytes <size>", "stop before the file is larger, such as 1Gi", toBytes)
    .option("--sample <share>", "keep this share of the decisions, above 0 and up to 1", toShare, 1)
    .option("--prompt-text", "keep prompts too; only of a host that runs with --record-prompts", false)
    .option("--token-ids", "keep token ids too; only of a host that runs with --record-prompts", false)
    .addHelpText("after", help)
    .action(async (path: string, flags: RecordFlags, command: Command) => {
      const host = await openAdmin(flags, command, { isBinary: true });
      if (host !== undefined) await recordTo(host, path, flags, command);
    });
  return withAdminFlags(record);
}

function toMs(text: string): number {
  const ms = parseDurationMs(text);
  if (ms !== undefined && ms > 0) return ms;
  throw new InvalidArgumentError(`must be a time with its unit, such as 30s, is "${text}".`);
}

function toCount(text: string): number {
  const count = Number(text);
  if (Number.isSafeInteger(count) && count > 0 && count < 2 ** 32) return count;
  throw new InvalidArgumentError(`must be a whole number above 0, is "${text}".`);
}

function toBytes(text: string): number {
  const bytes = parseSizeBytes(text);
  if (bytes !== undefined && bytes > 0) return bytes;
  throw new InvalidArgumentError(`must be a size such as 100Mi, is "${text}".`);
}

function toShare(text: string): number {
  const share = Number(text);
  if (text.trim() !== "" && share > 0 && share <= 1) return share;
  throw new InvalidArgumentError(`must be above 0 and up to 1, is "${text}".`);
}

async function recordTo(host: AdminClient, path: string, flags: RecordFlags, command: Command): Promise<void> {
  const file = await openRecordingFile(path, flags.maxBytes ?? Number.POSITIVE_INFINITY).catch(toError);
  if (file instanceof Error) return fail(command, `${path} cannot be written: ${file.message}`);
  const progress = createRecordProgress(command);
  const stop = new AbortController();
  const end = () => stop.abort();
  const timer = flags.for === undefined ? undefined : setTimeout(end, flags.for);
  process.once("SIGINT", end).once("SIGTERM", end);
  try {
    await follow(host, file, flags, stop.signal, progress.show);
  } catch (cause) {
    if (file.fault !== undefined) fail(command, describeFault(path, file));
    else if (!stop.signal.aborted) failAnswer(command, host, cause);
  } finally {
    clearTimeout(timer);
    process.off("SIGINT", end).off("SIGTERM", end);
    progress.end();
    await file.close();
  }
  process.stdout.write(`${summarize(path, file)}\n`);
}

async function follow(
  { procedures }: AdminClient,
  file: RecordingFile,
  { sample, decisions = 0, promptText, tokenIds }: RecordFlags,
  signal: AbortSignal,
  show: (file: RecordingFile) => void,
): Promise<void> {
  const request = { sample, limit: decisions, promptText, tokenIds };
  for await (const { records, dropped } of procedures.watchDecisions(request, { signal })) {
    if (!(await file.write(records, dropped))) return;
    show(file);
  }
}

function fail(command: Command, message: string): void {
  process.stderr.write(`${pathOf(command)}: ${message}\n`);
  process.exitCode = 1;
}

function describeFault(path: string, { fault, bytes }: RecordingFile): string {
  return `${path} cannot be written any further: ${fault?.message}; its first ${bytes} bytes are a recording`;
}

function summarize(path: string, { decisions, bytes, dropped, starts, isFull }: RecordingFile): string {
  const missed = dropped === 0 ? "" : `; ${dropped} entries were missed, since they came too fast`;
  const anew = starts < 2 ? "" : `; it starts anew ${starts - 1} times`;
  const full = isFull ? "; it would have become larger than --max-bytes" : "";
  return `${decisions} decisions in ${bytes} bytes written to ${path}${missed}${anew}${full}`;
}
