import type { InstanceReport, ReplayDifference, ReplayReport, Skipped } from "./replay-report.ts";

/** A report as people read it. */
export function toReplayText(report: ReplayReport): string {
  const { instances, placements, frames, reconnects, gaps, differences, agrees } = report;
  const missed = gaps === 0 ? "" : `, ${plural(gaps, "gap")} where frames were missed`;
  const head = `${frames} frames, ${plural(reconnects, "reconnect")}${missed}, against ${placements.join(", ")}`;
  const lines = [
    head,
    ...instances.map((instance) => describeInstance(instance, placements.length)),
    ...differences.map(describeDifference),
    ...describeSkipped(report.skipped),
    instances.length === 0 ? "no call could be put: see what was left out" : agrees ? "all agree" : "they differ",
  ];
  return `${lines.join("\n")}\n`;
}

function plural(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}

function describeInstance(instance: InstanceReport, placementCount: number): string {
  const { process, type, calls, events, differing, failed } = instance;
  const among =
    placementCount === 1
      ? []
      : [differing === 0 ? "placements agree" : `placements differ in ${plural(differing, "call")}`];
  const failures = Object.entries(failed).map(([placement, count]) => `${count} failed ${placement}`);
  const parts = [
    `${plural(calls, "call")}, ${plural(events, "event")}`,
    ...among,
    ...failures,
    describeRecorded(instance),
  ];
  return `${type} (${process}): ${parts.join("; ")}`;
}

function describeRecorded({ recorded, state, learnedBefore }: InstanceReport): string {
  const { compared, differing, failed, later } = recorded;
  const others = [
    ...(failed === 0 ? [] : [`${failed} recorded errors`]),
    ...(later === 0 ? [] : [`${later} answered on a later state`]),
  ];
  const aside = others.length === 0 ? "" : `, beside ${others.join(", ")}`;
  if (compared === 0) return `no recorded answer to compare with${aside}`;
  if (differing === 0) return `as recorded in ${plural(compared, "call")}${aside}`;
  return `other than recorded in ${differing} of ${plural(compared, "call")}${aside}${whyOther(state, learnedBefore)}`;
}

function whyOther(state: InstanceReport["state"], learnedBefore: boolean): string {
  if (state === "none") return "";
  if (state === "shared") return ", which says nothing: its state is kept elsewhere";
  return learnedBefore
    ? ", which says nothing: it had learned what the recording has not"
    : ", though it keeps state, which the recording may not have all of";
}

function describeDifference(difference: ReplayDifference): string {
  const { process, type, callId, slot, endpoint, what, between, a, b } = difference;
  const where = slot < 0 ? "" : `, slot ${slot} (${endpoint})`;
  return `  ${type} (${process}), call ${callId}${where}, ${what}: ${between[0]} ${a}, ${between[1]} ${b}`;
}

const reasons: Readonly<Record<keyof Skipped, string>> = {
  unconfigured: "frames of connections whose handshake and configuration are not in the recording",
  stateless: "calls and steps of state before the first whole state of their connection",
  unknownEndpoints: "calls about endpoints that are not in the recording",
  unknownCalls: "events of calls that were not put",
  tables: "score tables, which no call asks for",
  invalid: "frames that are no message of the contract",
  otherEntries: "entries that are no frames",
};

function describeSkipped(skipped: Skipped): readonly string[] {
  return (Object.keys(reasons) as (keyof Skipped)[])
    .filter((key) => skipped[key] > 0)
    .map((key) => `left out, ${reasons[key]}: ${skipped[key]}`);
}
