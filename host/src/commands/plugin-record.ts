import { open } from "node:fs/promises";
import { sizeDelimitedEncode } from "@bufbuild/protobuf/wire";
import { RecordSchema } from "@outrider/protos/record";
import { Command, InvalidArgumentError } from "commander";
import { parseDurationMs } from "../config/units.ts";
import { type AdminClient, type AdminFlags, failAnswer, openAdmin, withAdminFlags } from "./admin-client.ts";
import { toError } from "./usage.ts";

interface RecordFlags extends AdminFlags {
  readonly plugin: readonly string[];
  readonly frames: number;
  readonly for?: number;
}

/** `outrider plugin record`: the frames between a running host and its plugins, as a recording. */
export function pluginRecordCommand(): Command {
  const record = new Command("record")
    .description("Write the frames between a running host and its plugins to a file: granted fields only.")
    .argument("<file>", "recording to write; one that is there is replaced")
    .option("--plugin <process>", "only this process; may be repeated", collect, [])
    .option("--frames <count>", "stop after so many frames", toCount, 5_000)
    .option("--for <time>", "stop after this time, such as 30s", toMs)
    .addHelpText("after", "\nExit codes: 0 written, 1 the host or the file failed, 2 wrong usage.")
    .action(async (file: string, flags: RecordFlags, command: Command) => {
      const host = await openAdmin(flags, command);
      if (host !== undefined) await write(host, file, flags, command);
    });
  return withAdminFlags(record);
}

function collect(word: string, before: readonly string[]): readonly string[] {
  return [...before, word];
}

function toCount(text: string): number {
  const count = Number(text);
  if (Number.isSafeInteger(count) && count > 0) return count;
  throw new InvalidArgumentError(`must be a whole number above 0, is "${text}".`);
}

function toMs(text: string): number {
  const ms = parseDurationMs(text);
  if (ms !== undefined && ms > 0) return ms;
  throw new InvalidArgumentError(`must be a time with its unit, such as 30s, is "${text}".`);
}

async function write(host: AdminClient, path: string, flags: RecordFlags, command: Command): Promise<void> {
  const file = await open(path, "w").catch(toError);
  if (file instanceof Error) {
    process.stderr.write(`outrider plugin record: ${path} cannot be written: ${file.message}\n`);
    process.exitCode = 1;
    return;
  }
  const stop = new AbortController();
  const timer = flags.for === undefined ? undefined : setTimeout(() => stop.abort(), flags.for);
  process.once("SIGINT", () => stop.abort());
  let frames = 0;
  let dropped = 0;
  try {
    const request = { processes: [...flags.plugin], limit: flags.frames };
    for await (const entry of host.procedures.watchFrames(request, { signal: stop.signal })) {
      if (entry.record === undefined) continue;
      await file.write(sizeDelimitedEncode(RecordSchema, entry.record));
      if (entry.record.entry.case === "frame") frames += 1;
      dropped = entry.dropped;
    }
  } catch (cause) {
    if (!stop.signal.aborted) failAnswer(command, host, cause);
  } finally {
    clearTimeout(timer);
    await file.close();
  }
  const missed = dropped === 0 ? "" : `; ${dropped} were missed, since they came too fast`;
  process.stdout.write(`${frames} frames written to ${path}${missed}\n`);
}
