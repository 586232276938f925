import { type GivenFacts, type Prompt, scanBody } from "@outrider/core";
import type { Facts, PickRequest } from "@outrider/protos/picker";
import { isIpAddress, parseHostPort } from "../datalayer/address.ts";
import type { DoorLimits } from "../doors/limits.ts";
import { headersTooLarge, tooLarge } from "../doors/refusals.ts";
import type { Refusal } from "../scheduling/types.ts";
import { type CallFault, fault } from "./errors.ts";
import { IncomingPick } from "./incoming-pick.ts";

/** Path where a gateway names none. */
const defaultPath = "/v1/chat/completions";

const TOKEN_ID_BYTES = 4;
/** Token of RFC 9110, 5.6.2: names of headers and methods. */
const token = /^[\w!#$%&'*+.^`|~-]+$/;

/** The request that a call asks about, or why there is none. */
export function readPick(message: PickRequest, limits: DoorLimits): IncomingPick | Refusal | CallFault {
  const { path, model, content, subset } = message;
  const wrong = checkRequestLine(message) ?? checkHeaders(message, limits) ?? checkSubset(message);
  if (wrong !== undefined) return wrong;
  const parts = {
    path: path || defaultPath,
    headers: message.headers,
    subset: subset?.endpoints,
  };
  if (content.case === "body") {
    const body = content.value;
    return checkBody(body, model, limits) ?? new IncomingPick({ ...parts, body: [body], given: undefined });
  }
  const facts = content.case === "facts" ? content.value : undefined;
  if (model === "" && facts === undefined) return new IncomingPick({ ...parts, body: undefined, given: undefined });
  const given = readFacts(model, facts, limits);
  return "kind" in given ? given : new IncomingPick({ ...parts, body: undefined, given });
}

function checkRequestLine({ method, path }: PickRequest): CallFault | undefined {
  if (method !== "" && !token.test(method)) return fault("method", "is no method of HTTP");
  if (path !== "" && !/^\/[\x21-\x7e]*$/.test(path)) return fault("path", "must begin with / and be percent-encoded");
  return undefined;
}

function checkHeaders({ headers }: PickRequest, { maxHeaderBytes }: DoorLimits): Refusal | CallFault | undefined {
  let bytes = 0;
  for (const [i, { name, value }] of headers.entries()) {
    if (!token.test(name)) return fault(`headers[${i}].name`, `"${name.slice(0, 100)}" is no name of a header`);
    if (/[\r\n\0]/.test(value)) return fault(`headers[${i}].value`, "has a line break or a zero byte");
    bytes += name.length + Buffer.byteLength(value);
  }
  return bytes > maxHeaderBytes ? headersTooLarge(maxHeaderBytes) : undefined;
}

function checkSubset({ subset }: PickRequest): CallFault | undefined {
  for (const [i, endpoint] of subset?.endpoints.entries() ?? []) {
    if (!isEndpoint(endpoint))
      return fault(`subset.endpoints[${i}]`, `"${endpoint.slice(0, 100)}" is no ip or ip:port`);
  }
  return undefined;
}

function isEndpoint(text: string): boolean {
  const address = parseHostPort(text);
  return isIpAddress("host" in address ? address.host : text.replace(/^\[(.*)\]$/, "$1"));
}

function checkBody(body: Uint8Array, model: string, { maxBodyBytes }: DoorLimits): Refusal | CallFault | undefined {
  if (body.length > maxBodyBytes) return tooLarge(maxBodyBytes);
  if (model === "") return undefined;
  const scan = scanBody([body]);
  return scan.kind === "fault" || scan.top.model === "" || scan.top.model === model
    ? undefined
    : fault("model", "is not the one that the body names");
}

/** Facts without a prompt are those of a model alone. */
function readFacts(model: string, facts: Facts | undefined, limits: DoorLimits): GivenFacts | Refusal | CallFault {
  if (model === "") return fault("model", "must be set beside facts");
  const prompt = readPrompt(facts, limits);
  if ("field" in prompt || prompt.kind === "refused") return prompt;
  return {
    model,
    stream: facts?.stream ?? false,
    maxOutputTokens: facts?.maxOutputTokens ?? 0,
    cacheSalt: facts?.cacheSalt ?? "",
    prompt,
    promptTokens: facts?.promptTokens ?? 0,
    sessionKey: facts?.sessionKey ?? "",
  };
}

function readPrompt(facts: Facts | undefined, { maxBodyBytes }: DoorLimits): Prompt | Refusal | CallFault {
  const { promptText = "", tokenIds = [] } = facts ?? {};
  if (promptText !== "" && tokenIds.length > 0) return fault("facts.token_ids", "must not stand beside prompt_text");
  if (Buffer.byteLength(promptText) > maxBodyBytes || tokenIds.length * TOKEN_ID_BYTES > maxBodyBytes) {
    return tooLarge(maxBodyBytes);
  }
  if (tokenIds.length > 0) return { kind: "tokens", tokenIds: Uint32Array.from(tokenIds) };
  return promptText === "" ? { kind: "none" } : { kind: "text", pieces: [promptText] };
}
