import type { IncomingMessage, ServerResponse } from "node:http";
import { renderFault } from "../answers.ts";
import { badRequest, type RequestFault } from "../request-body.ts";
import { sendJson } from "../respond.ts";
import { type AskedOfPeers, readPeerHeaders } from "./headers.ts";
import { callPeer, forward } from "./peer-call.ts";
import { doesStage, type ServerRole, type Stage } from "./roles.ts";
import {
  isMembers,
  type Members,
  mediaPartsOf,
  readTransfer,
  type Transfer,
  toEncodeBodies,
  toPrefillBody,
} from "./transfer.ts";

/** Counts of who computed what, since the start. */
export interface StageCounts {
  /** Prompts computed for another server. */
  prefills: number;
  /** Messages with parts that were encoded for another server. */
  encodes: number;
  /** Requests answered here whose prompt another server computed. */
  prefilled: number;
  /** Requests answered here, or by a rank of this server, whose parts others encoded. */
  encoded: number;
  /** Requests handed to another data-parallel rank of this server. */
  forwarded: number;
  /** Requests refused because this server does not do what they ask for. */
  misrouted: number;
  /** Requests that failed because another server did not do its part. */
  peerFailures: number;
}

/** What a server's sidecar stands on. */
export interface SidecarParts<Path extends string> {
  readonly role: ServerRole;
  /** `ip:port` of the server. */
  endpoint(): string;
  /** `ip:port` of its data-parallel ranks, where it is the one that all requests come to; else none. */
  ranks(): readonly string[];
  /** Answers a request here. */
  answer(path: Path, body: Buffer, message: IncomingMessage, response: ServerResponse): void;
}

/** One request on its way. */
interface Passage<Path extends string> {
  readonly path: Path;
  readonly message: IncomingMessage;
  readonly response: ServerResponse;
  readonly asked: AskedOfPeers;
}

/** Has other servers do their part of a request before it is answered here, and refuses what this server does not do. */
export class Sidecar<Path extends string> {
  readonly counts: StageCounts = {
    prefills: 0,
    encodes: 0,
    prefilled: 0,
    encoded: 0,
    forwarded: 0,
    misrouted: 0,
    peerFailures: 0,
  };
  readonly #parts: SidecarParts<Path>;

  constructor(parts: SidecarParts<Path>) {
    this.#parts = parts;
  }

  /** Takes a request whose body is complete. */
  take(path: Path, body: Buffer, message: IncomingMessage, response: ServerResponse): void {
    const asked = readPeerHeaders(message.headers);
    const asksNobody = asked.prefiller === "" && asked.encoders.length === 0 && asked.rank === "";
    const isPlain = this.#parts.role === "" && asksNobody && !body.includes("_transfer_params");
    const members = isPlain ? undefined : parse(body);
    if (members === undefined) this.#parts.answer(path, body, message, response);
    else this.#check(members, body, { path, message, response, asked });
  }

  #check(members: Members, body: Buffer, passage: Passage<Path>): void {
    const transfer = readTransfer(members);
    const fault = this.#findFault(members, transfer, passage.asked);
    if (fault === undefined) {
      this.#count(transfer);
      void this.#pass(members, body, passage);
    } else {
      this.counts.misrouted += 1;
      sendJson(passage.response, fault.code, renderFault(fault));
    }
  }

  async #pass(members: Members, body: Buffer, passage: Passage<Path>): Promise<void> {
    const { asked, response } = passage;
    if (!(await this.#encode(members, passage))) return;
    const own = asked.prefiller === "" ? body : await this.#prefill(members, passage);
    if (own === undefined || response.destroyed) return;
    if (this.#isHere(asked.rank)) this.#parts.answer(passage.path, own, passage.message, response);
    else this.#forward(own, passage);
  }

  #findFault(members: Members, transfer: Transfer, asked: AskedOfPeers): RequestFault | undefined {
    const { role, ranks } = this.#parts;
    const stage = toStage(transfer);
    if (!doesStage(role, stage)) return misrouted(`this server is "${role}" and does not ${stage}`);
    const isForPeer = stage !== "decode";
    const asksPeers = asked.prefiller !== "" || asked.encoders.length > 0;
    if (isForPeer && (asksPeers || asked.rank !== "")) return misrouted(`who is asked to ${stage} asks nobody else`);
    if (asked.prefiller === this.#parts.endpoint()) return misrouted("this server is named as its own prefiller");
    if (asked.encoders.length > 0 && mediaPartsOf(members).length === 0) return misrouted("there is nothing to encode");
    if (this.#isHere(asked.rank) || ranks().includes(asked.rank)) return undefined;
    return misrouted(`${asked.rank} is no rank of this server`);
  }

  #isHere(rank: string): boolean {
    return rank === "" || rank === this.#parts.endpoint();
  }

  #count(transfer: Transfer): void {
    if (transfer.kind === "prefill") this.counts.prefills += 1;
    else if (transfer.kind === "encode") this.counts.encodes += 1;
    else if (transfer.kind === "prefilled") this.counts.prefilled += 1;
  }

  /** Has parts encoded. False where that failed. */
  async #encode(members: Members, passage: Passage<Path>): Promise<boolean> {
    const { encoders } = passage.asked;
    if (encoders.length === 0) return true;
    const bodies = toEncodeBodies(members, encoders.length);
    const answers = await Promise.all(bodies.map((body, i) => this.#ask(encoders[i], body, passage)));
    const failed = answers.find(({ status }) => status !== 200);
    if (failed === undefined) this.counts.encoded += 1;
    else this.#fail(passage, failed.status, failed.body);
    return failed === undefined;
  }

  /** Has the prompt computed. @returns the body with where its blocks are; `undefined` where that failed. */
  async #prefill(members: Members, passage: Passage<Path>): Promise<Buffer | undefined> {
    const { status, body } = await this.#ask(passage.asked.prefiller, toPrefillBody(members), passage);
    if (status !== 200) {
      this.#fail(passage, status, body);
      return undefined;
    }
    const params = parse(body)?.kv_transfer_params;
    if (isMembers(params) && this.#isHere(passage.asked.rank)) this.counts.prefilled += 1;
    return Buffer.from(JSON.stringify({ ...members, kv_transfer_params: params }));
  }

  #ask(peer: string, body: Members, { path, message, response }: Passage<Path>) {
    return callPeer({ peer, path, headers: message.headers, body: JSON.stringify(body) }, response);
  }

  #forward(body: Buffer, passage: Passage<Path>): void {
    const { path, message, response, asked } = passage;
    this.counts.forwarded += 1;
    const onFault = () => this.#fail(passage, 502, Buffer.from("the rank cannot be reached"));
    forward({ peer: asked.rank, path, headers: message.headers, body }, response, onFault);
  }

  #fail({ response }: Passage<Path>, status: number, body: Buffer): void {
    if (response.destroyed) return;
    this.counts.peerFailures += 1;
    sendJson(response, status, body.toString("utf8"));
  }
}

function toStage({ kind }: Transfer): Stage {
  return kind === "prefill" || kind === "encode" ? kind : "decode";
}

function misrouted(message: string): RequestFault {
  return badRequest(message, null);
}

function parse(body: Buffer): Members | undefined {
  try {
    const value: unknown = JSON.parse(body.toString("utf8"));
    return isMembers(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
