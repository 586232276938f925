import { toJson } from "@bufbuild/protobuf";
import { type Weight, WeightSchema } from "@outrider/protos/admin";
import { Command } from "commander";
import { formatDuration, parseDurationMs } from "../config/units.ts";
import { type AdminClient, type AdminFlags, failAnswer, openAdmin, withAdminFlags } from "./admin-client.ts";
import { toTable } from "./text-table.ts";
import { failUsage } from "./usage.ts";

/** Flags beside those of the host. */
interface WeightFlags extends AdminFlags {
  readonly for?: string;
  readonly clear: boolean;
  readonly json: boolean;
}

/** What the words of a command line ask for. */
type Wish =
  | { readonly kind: "show" }
  | { readonly kind: "clear"; readonly profile: string }
  | { readonly kind: "set"; readonly profile: string; readonly weights: Record<string, number>; readonly ttlMs: number }
  | { readonly kind: "wrong"; readonly problem: string };

/** Longest wait for the host, in ms. */
const timeoutMs = 5_000;

const examples = `
Examples:
  outrider config weights
  outrider config weights default queue=2.5 prefix=0 --for 10m
  outrider config weights default --clear

A scorer of weight 0 is asked and recorded, and never counted. Scorers that are not named keep the configuration's
weight. What is set ends with its time, and when another configuration comes into force.
Exit codes: 0 done, 1 the host does not do it, 2 wrong usage.`;

/** `outrider config weights`: the shares of scorers, shown, and changed for a while. */
export function configWeightsCommand(): Command {
  const weights = new Command("weights")
    .description("Show the weights that a running host counts by, or set those of a profile for a while.")
    .argument("[profile]", "profile whose weights are set or cleared")
    .argument("[scorer=weight...]", "weights, 0 or more")
    .option("--for <time>", "how long they count, 1s to 24h")
    .option("--clear", "have the configuration's count again at once", false)
    .option("--json", "print the weights as JSON", false)
    .addHelpText("after", examples)
    .action(async (profile: string | undefined, words: readonly string[], flags: WeightFlags, command: Command) => {
      const wish = readWish(profile, words, flags);
      if (wish.kind === "wrong") return failUsage(command, [wish.problem]);
      const host = await openAdmin(flags, command);
      if (host === undefined) return;
      try {
        const shown = await ask(host, wish);
        process.stdout.write(flags.json ? toJsonText(shown) : toText(shown));
      } catch (cause) {
        failAnswer(command, host, cause);
      }
    });
  return withAdminFlags(weights);
}

function toJsonText(weights: readonly Weight[]): string {
  return `${JSON.stringify({ weights: weights.map((weight) => toJson(WeightSchema, weight)) })}\n`;
}

async function ask({ procedures }: AdminClient, wish: Exclude<Wish, { kind: "wrong" }>): Promise<readonly Weight[]> {
  switch (wish.kind) {
    case "show":
      return (await procedures.getConfig({}, { timeoutMs })).weights;
    case "clear":
      return (await procedures.clearWeights({ profile: wish.profile }, { timeoutMs })).weights;
    case "set": {
      const { profile, weights, ttlMs } = wish;
      return (await procedures.setWeights({ profile, weights, ttlMs }, { timeoutMs })).weights;
    }
  }
}

function readWish(profile: string | undefined, words: readonly string[], flags: WeightFlags): Wish {
  if (flags.clear) {
    if (words.length > 0 || flags.for !== undefined) return { kind: "wrong", problem: "--clear takes a profile alone" };
    return { kind: "clear", profile: profile ?? "" };
  }
  if (profile === undefined) {
    return flags.for === undefined ? { kind: "show" } : { kind: "wrong", problem: "--for needs a profile and weights" };
  }
  if (words.length === 0)
    return { kind: "wrong", problem: `no weight is given (write ${profile} queue=2.5 --for 10m)` };
  const ttlMs = parseDurationMs(flags.for ?? "");
  if (ttlMs === undefined)
    return { kind: "wrong", problem: "--for must say how long, with its unit (write --for 10m)" };
  const weights: Record<string, number> = {};
  for (const word of words) {
    const [, scorer, value] = /^(.+)=(\d+(?:\.\d+)?)$/.exec(word) ?? [];
    if (scorer === undefined) return { kind: "wrong", problem: `"${word}" is no weight (write queue=2.5)` };
    weights[scorer] = Number(value);
  }
  return { kind: "set", profile, weights, ttlMs };
}

function toText(weights: readonly Weight[]): string {
  const nowMs = Date.now();
  const rows = weights.map(({ profile, scorer, configured, inForce, endsAtMs }) => {
    const left = Math.max(0, Math.round((endsAtMs - nowMs) / 1_000)) * 1_000;
    return [profile, scorer, String(configured), String(inForce), endsAtMs === 0 ? "-" : formatDuration(left)];
  });
  return toTable(["PROFILE", "SCORER", "CONFIGURED", "IN FORCE", "ENDS IN"], rows);
}
