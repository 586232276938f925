import type { Kit } from "../kit/kit.ts";
import { servicePath, UnaryLink } from "../kit/unary-link.ts";
import { NotApplicable, type Rule, RuleFailure } from "../rule.ts";
import { everyLevel, reached, sessions, stateful } from "./groups.ts";

/** A token that nobody was given. */
const wrongToken = "not-the-token-of-this-plugin";

/** Codes that tell a host to stop trying. */
const refusals = ["unauthenticated", "permission_denied"];

/** Who may call, and in which version. */
export const accessRules: readonly Rule[] = [
  {
    id: "C7",
    title: "Answers nobody without its token",
    levels: stateful,
    checks: "Says hello with a wrong token and without one: both are to be refused as unauthenticated.",
    source: "Access: the token of OUTRIDER_PLUGIN_TOKEN travels as `authorization: Bearer`",
    remedy: "Compare the bearer token of every Session and unary request; answer unauthenticated (gRPC 16, HTTP 401).",
    after: reached,
    check: checkToken,
  },
  {
    id: "C8",
    title: "Answers another major version with unimplemented",
    levels: sessions,
    checks: "Opens the Session of outrider.scorer.v2 and expects unimplemented or HTTP 404.",
    source: "Versions: the major version is the package; unimplemented means that the other side goes down a version",
    remedy: "Answer paths that you do not serve with grpc-status 12 or HTTP 404, not with the Session of v1.",
    after: reached,
    check: checkMajor,
  },
  {
    id: "C55",
    title: "Serves the level that is asked of it",
    levels: everyLevel,
    checks: "Compares the level that its answers show with the one demanded (`--level`).",
    source: "Profiles: chosen by what the plugin answers",
    remedy: "Serve what the level needs: a Handshake for replicated, the Session on the socket, ScoreTables for push.",
    after: reached,
    check: checkLevel,
  },
];

async function checkToken(kit: Kit): Promise<void> {
  if (kit.plugin.token === "") throw new NotApplicable("no token is given to the plugin");
  for (const token of [wrongToken, ""]) {
    const link = await kit.open({ token });
    const came = link instanceof UnaryLink ? await refusalOf(link) : await endOf(kit, token);
    if (refusals.includes(came)) continue;
    throw new RuleFailure(`unauthenticated for ${token === "" ? "no token" : "a wrong token"}`, came);
  }
}

async function endOf(kit: Kit, token: string): Promise<string> {
  const link = await kit.openSession({ token });
  const answer = link.hello().then(() => "an answer to hello");
  const end = link.ended("unauthenticated").then(({ code, text }) => code || `a stream that ${text}`);
  answer.catch(() => {});
  end.catch(() => {});
  return Promise.race([answer.catch(() => end), end]);
}

async function refusalOf(link: UnaryLink): Promise<string> {
  const { reply } = await link.post(`${servicePath}/Handshake`, "{}");
  if (reply.status === 401) return "unauthenticated";
  return reply.status === 403 ? "permission_denied" : `HTTP ${reply.status}`;
}

async function checkMajor(kit: Kit): Promise<void> {
  const link = await kit.openSession({ path: "/outrider.scorer.v2.ScorerService/Session" });
  link.send({ case: "hello", value: { host: "outrider-verify" } });
  const { code, text } = await link.ended("unimplemented for outrider.scorer.v2");
  if (code !== "unimplemented") throw new RuleFailure("unimplemented for outrider.scorer.v2", `a stream that ${text}`);
}

async function checkLevel(kit: Kit): Promise<void> {
  const { demanded } = kit.options;
  if (demanded === undefined) throw new NotApplicable("no level is demanded");
  if (!kit.serves(demanded)) throw new RuleFailure(`the level ${demanded}`, `the level ${kit.level}`);
}
