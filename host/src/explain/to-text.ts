import type { PinnedSessions } from "@outrider/core";
import type { FailureSpec } from "../config/types.ts";
import { formatDuration } from "../config/units.ts";
import type {
  ExplainedFilter,
  ExplainedPage,
  ExplainedPlugin,
  ExplainedPolicy,
  ExplainedProfile,
  ExplainedRead,
  ExplainedRequests,
  ExplainedScorer,
  Explanation,
} from "./types.ts";

/** A heading and the lines below it; without lines it is left out. */
type Section = readonly [heading: string, lines: readonly string[]];

/** An explanation as people read it. */
export function toExplanationText(explanation: Explanation): string {
  const { file, handler, deciders, producers, admitters, profiles, requests, added } = explanation;
  const sections: readonly Section[] = [
    [
      `${file}: decisions take at most ${formatDuration(explanation.budgetMs)}`,
      [`profiles: chosen by ${wordPolicy(handler)}`, ...deciders.map((each) => `decider ${wordPolicy(each)}`)],
    ],
    ["before any profile", [...producers.flatMap(wordWave), ...admitters.map((each) => `asks ${wordPolicy(each)}`)]],
    ...profiles.map(wordProfile),
    ["requests", wordRequests(requests)],
    ["read because of this", wordReads(explanation)],
    ["added by default", added.map(({ name, type }) => (name === type ? name : `${name} (${type})`))],
  ];
  return sections
    .filter(([, lines]) => lines.length > 0)
    .map(([heading, lines]) => `${heading}\n${lines.map((line) => `  ${line}\n`).join("")}`)
    .join("\n");
}

function wordPolicy({ name, type, says }: ExplainedPolicy): string {
  return `${name === type ? name : `${name} (${type})`}: ${says}`;
}

function wordPlugin({ name, type, placement, process, budgetMs }: ExplainedPlugin): string {
  const where = process === undefined ? placement : `${placement} ${process}`;
  return `${name === type ? name : `${name} (${type})`}, ${where}, at most ${formatDuration(budgetMs)}`;
}

function wordWave(wave: readonly ExplainedPlugin[], index: number): readonly string[] {
  return wave.map((producer) => `producer ${wordPlugin(producer)}${index === 0 ? "" : ", after those above"}`);
}

function wordProfile({ name, reached, filters, scorers, picker }: ExplainedProfile): Section {
  const lines = [
    ...filters.map(wordFilter),
    ...(scorers.length === 0 ? ["no scorer: all candidates are equal"] : scorers.map(wordScorer)),
    `pick by ${wordPolicy(picker)}`,
  ];
  return [`profile ${name}${reached ? "" : ", which nothing leads to"}`, lines];
}

const emptied: Readonly<Record<ExplainedFilter["onEmpty"], string>> = {
  fail: "where it leaves nothing, the profile finds no endpoint",
  ignore_last: "where it leaves nothing, it counts for nothing",
  relax: "where it leaves nothing, filters before it that relax too are set aside",
};

function wordFilter(filter: ExplainedFilter): string {
  return `filter by ${wordPolicy(filter)}; ${emptied[filter.onEmpty]}`;
}

function wordScorer(scorer: ExplainedScorer): string {
  const { share, weight, shadow, onFailure } = scorer;
  if (shadow) return `shadow ${wordPlugin(scorer)}: asked and recorded, never counted`;
  const counted = `share ${formatShare(share)} (weight ${weight})`;
  return `scorer ${wordPlugin(scorer)}, ${counted}; without an answer ${wordFailure(onFailure)}`;
}

function wordFailure(onFailure: FailureSpec): string {
  switch (onFailure.kind) {
    case "abstain":
      return "the others decide";
    case "neutral":
      return "every endpoint counts 0.5";
    case "last_known":
      return `its scores of the last ${formatDuration(onFailure.maxAgeMs)} count`;
    case "inline":
      return `${onFailure.scorer} is asked`;
    case "fail_request":
      return "the request is refused";
  }
}

function wordRequests(requests: ExplainedRequests): readonly string[] {
  const { parsers, objectives, modelRewrites, unknownModels, detector, screeners, agents, sessions, reporters } =
    requests;
  return [
    `bodies are read by ${parsers.map(({ name }) => name).join(", ")}, by the end of the path`,
    ...objectives.map(({ name, priority }) => `objective ${name}: priority ${priority}${sheddable(priority)}`),
    ...(objectives.length === 0 ? ["no objectives: every request has priority 0"] : []),
    `fullness is told by ${wordPolicy(detector)}`,
    ...modelRewrites.map(({ name, models, targets }) => {
      const shares = targets.map(({ model, share }) => `${model} ${formatShare(share)}`).join(", ");
      return `rewrite ${name}: ${models.length === 0 ? "every other model" : models.join(", ")} becomes ${shares}`;
    }),
    unknownModels === "refuse"
      ? "a request for a model that no endpoint serves is answered 404"
      : "a request for a model that no endpoint serves goes on all the same",
    ...screeners.map((each) => `screened by ${wordPolicy(each)}`),
    ...agents.map((each) => `agents are told by ${wordPolicy(each)}`),
    ...sessions.map(wordSessions),
    ...reporters.map((each) => `usage is reported by ${wordPolicy(each)}`),
  ];
}

function wordSessions(sessions: PinnedSessions): string {
  const whose = sessions.profile === "" ? "" : ` of profile ${sessions.profile}`;
  if (sessions.kind === "token")
    return `sessions go back to the pick${whose} that their token in ${sessions.header} names`;
  const sources = sessions.sources.map(({ kind, name }) => `${kind} ${name}`).join(", ");
  return `sessions go back to the pick${whose} they had before, by ${sources}, for ${formatDuration(sessions.ttlMs)}`;
}

function sheddable(priority: number): string {
  return priority < 0 ? ", refused while endpoints are full" : "";
}

function wordReads(explanation: Explanation): readonly string[] {
  const { prompt, reads, pages, observation, observers, untold, requests } = explanation;
  const rewritten = requests.modelRewrites.length === 0 ? "" : "; those of rewritten requests are seen whole";
  return [
    prompt.length === 0 ? "prompts are not parsed: nobody needs what they say" : "prompts are parsed:",
    ...prompt.map((read) => `  ${wordRead(read)}`),
    ...reads.map(wordRead),
    `responses: ${observations[observation]}${because(observers)}${rewritten}`,
    ...pages.flatMap(wordPage),
    ...untold.map((name) => `${name} says what it reads when it starts`),
  ];
}

const observations: Readonly<Record<Explanation["observation"], string>> = {
  full: "they are seen whole",
  headers: "their status and headers are seen",
  none: "they pass by unseen",
};

function wordRead({ key, says, because: names }: ExplainedRead): string {
  return `${key}${because(names)}: ${says}`;
}

function because(names: readonly string[]): string {
  return names.length === 0 ? "" : `, for ${names.join(", ")}`;
}

function wordPage({ what, scheme, path, port, intervalMs, reads }: ExplainedPage): readonly string[] {
  const every = intervalMs === 0 ? "at the host's interval" : `every ${formatDuration(intervalMs)}`;
  const head = `${what} of each endpoint: ${scheme}, ${port === 0 ? "its own port" : `port ${port}`}, ${path}, ${every}`;
  return [head, ...reads.map((read) => `  ${wordRead(read)}`)];
}

function formatShare(share: number): string {
  return String(Number(share.toFixed(3)));
}
