import {
  agentSessionHeaders,
  defaultSessionSources,
  type PinnedSessions,
  type SessionAttribute,
  type SessionPinning,
  type SessionSource,
  type SessionsSpec,
} from "@outrider/core";
import { type Entries, pluginsOf, policiesOf, withRole } from "./entries.ts";
import { type FaultPath, quote } from "./faults.ts";
import { didYouMean } from "./nearest.ts";
import type { Reporter } from "./reporter.ts";

/** What a configuration says of sessions. */
export interface CheckedSessions {
  /** Where the key of a session stands, the first that is there wins. */
  readonly sources: readonly SessionSource[];
  /** How sessions get back to their endpoints; `undefined` = nobody asks for it. */
  readonly pinned: SessionsSpec | undefined;
}

/** Somebody who wants sessions pinned. */
interface Pinner {
  readonly name: string;
  readonly index: number;
  readonly pinning: SessionPinning;
  readonly isScorer: boolean;
}

/** Types that tell each attribute. */
const tellers: Readonly<Record<string, string>> = {
  "agent-identity": "agent-identity",
  SessionID: "session-id-producer",
};

/** Checks that all who pin sessions agree. @param profiles their names. */
export function checkSessions(entries: Entries, profiles: readonly string[], report: Reporter): CheckedSessions {
  const pinners = pinnersOf(entries);
  for (const pinner of pinners) {
    checkProfile(pinner, profiles, report);
    checkRivals(pinner, pinners, report);
  }
  const pinned = new Map<string, PinnedSessions>();
  for (const { index, pinning } of pinners) {
    if (!pinned.has(pinning.profile)) pinned.set(pinning.profile, lookUp(pinning, index, entries, report));
  }
  const [first] = pinners;
  const shown = pinners.find(({ isScorer }) => isScorer) ?? pinners.find(({ pinning }) => pinning.profile === "");
  return {
    sources: sourcesOf(entries),
    pinned: first && { pinned: [...pinned.values()], shown: (shown ?? first).pinning.profile },
  };
}

function pinnersOf(entries: Entries): readonly Pinner[] {
  const plugins = pluginsOf(entries).flatMap(({ name, index, pinning }) =>
    pinning === undefined ? [] : [{ name, index, pinning, isScorer: true }],
  );
  const policies = policiesOf(entries).flatMap(({ name, index, type, spec }) => {
    const pinning = type.pinning?.(spec.parameters as never);
    return pinning === undefined ? [] : [{ name, index, pinning, isScorer: false }];
  });
  return [...plugins, ...policies].toSorted((a, b) => a.index - b.index);
}

function checkProfile({ index, pinning: { profile } }: Pinner, profiles: readonly string[], report: Reporter): void {
  if (profile === "" || profiles.includes(profile)) return;
  const hint = didYouMean(profile, profiles) || `write one of ${profiles.join(", ")}, or remove it`;
  report.fault(["plugins", index, "parameters", "profileName"], `there is no profile ${quote(profile)}`, hint);
}

/** Whoever comes later in the file is at fault. */
function checkRivals(pinner: Pinner, all: readonly Pinner[], report: Reporter): void {
  const path: FaultPath = ["plugins", pinner.index, "parameters"];
  const before = all.filter(({ index }) => index < pinner.index);
  const same = before.find(({ pinning }) => pinning.profile === pinner.pinning.profile);
  if (same !== undefined && !isAlike(same.pinning, pinner.pinning)) {
    const message = `pins the same sessions as ${same.name} in another way`;
    report.fault(path, message, `give both the same parameters, or one of them another profileName`);
    return;
  }
  const scorer = before.find(({ isScorer }) => isScorer);
  if (pinner.isScorer && scorer !== undefined && scorer.pinning.profile !== pinner.pinning.profile) {
    const message = `pins picks of another profile than ${scorer.name}, and scorers see one pin alone`;
    report.fault([...path, "profileName"], message, "write type: session-affinity-filter for one of them");
  }
  const { pinning } = pinner;
  const rival = before.find((each) => each.pinning.profile !== pinning.profile && isSameHeader(each.pinning, pinning));
  if (rival !== undefined && pinning.kind === "token") {
    const message = `sets ${pinning.header} as ${rival.name} does, to the pick of another profile`;
    report.fault([...path, "encodedEndpointHeaderConfig", "header"], message, "give one of them another header");
  }
}

function isAlike(one: SessionPinning, other: SessionPinning): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

function isSameHeader(one: SessionPinning, other: SessionPinning): boolean {
  return one.kind === "token" && other.kind === "token" && one.header === other.header;
}

function lookUp(pinning: SessionPinning, index: number, entries: Entries, report: Reporter): PinnedSessions {
  if (pinning.kind === "token") return pinning;
  const sources = pinning.sources.flatMap((source, i) =>
    source.kind === "attribute"
      ? sourcesOfAttribute(source, ["plugins", index, "parameters", "sessionIdConfig", "sources", i], entries, report)
      : [source],
  );
  return { ...pinning, sources };
}

function sourcesOfAttribute(
  { name, producer }: SessionAttribute,
  path: FaultPath,
  entries: Entries,
  report: Reporter,
): readonly SessionSource[] {
  const type = tellers[name] ?? name;
  const telling = withRole(entries, "session").filter((entry) => entry.type.type === type);
  const chosen = telling.filter((entry) => producer === "" || entry.name === producer);
  const isFaulty = [...entries.values()].some(({ kind, typeName }) => kind === "faulty" && typeName === type);
  if (chosen.length === 0 && !isFaulty) {
    const message = producer === "" ? `nobody tells ${name}` : `there is no ${type} named ${quote(producer)}`;
    const hint =
      didYouMean(
        producer,
        telling.map((entry) => entry.name),
      ) || `declare it under plugins: - type: ${type}`;
    report.fault(producer === "" ? path : [...path, "producer"], message, hint);
  }
  return chosen.flatMap(({ type: { session }, spec }) => session?.(spec.parameters as never) ?? []);
}

/** Those that are told to name sessions, the usual header, what is told of agents, and what is known of them anyway. */
function sourcesOf(entries: Entries): readonly SessionSource[] {
  const told = (isOfAgents: boolean) =>
    withRole(entries, "session")
      .filter(({ type }) => (type.agent !== undefined) === isOfAgents)
      .flatMap(({ type, spec }) => type.session?.(spec.parameters as never) ?? []);
  const isKnown = ({ name }: SessionSource) => agentSessionHeaders.includes(name);
  const usual = defaultSessionSources.filter((source) => !isKnown(source));
  const ofAgents = told(true).filter((source) => !isKnown(source));
  return [...told(false), ...usual, ...ofAgents, ...defaultSessionSources.filter(isKnown)];
}
