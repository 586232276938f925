import { fromJsonString } from "@bufbuild/protobuf";
import { type HandshakeResponse, HandshakeResponseSchema } from "@outrider/protos/scorer";
import type { Kit } from "./kit/kit.ts";
import { SessionLink } from "./kit/session-link.ts";
import { servicePath, UnaryLink } from "./kit/unary-link.ts";
import type { Level } from "./rule.ts";

/** Finds out what the plugin serves by what it answers to a handshake. */
export async function probe(kit: Kit): Promise<void> {
  const link = await kit.open();
  try {
    if (link instanceof UnaryLink) return await probeUnary(kit, link);
    if (link instanceof SessionLink) return await probeSession(kit, link);
  } finally {
    kit.end();
  }
}

/** A handshake that fails is the business of the rule on handshakes. */
async function probeSession(kit: Kit, link: SessionLink): Promise<void> {
  const hello = await link.hello().catch(() => undefined);
  if (hello === undefined) {
    kit.level = "session";
    return;
  }
  const isPush = hello.scorers.some(({ requestIndependent }) => requestIndependent);
  kit.meet(hello, isPush ? "push" : "session");
}

/** 404, 501 and what answers everything alike are the level basic. */
async function probeUnary(kit: Kit, link: UnaryLink): Promise<void> {
  const answer = await link.post(`${servicePath}/Handshake`, "{}").catch(() => undefined);
  const hello = answer?.reply.status === 200 ? readHello(answer.reply.text) : undefined;
  const level: Level = hello === undefined || hello.scorers.length === 0 ? "basic" : "replicated";
  kit.meet(level === "basic" ? undefined : hello, level);
}

function readHello(text: string): HandshakeResponse | undefined {
  try {
    return fromJsonString(HandshakeResponseSchema, text, { ignoreUnknownFields: true });
  } catch {
    return undefined;
  }
}
