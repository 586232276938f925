import net from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { OutriderError } from "@outrider/core/contract";
import { buildConnector, Pool } from "undici";
import { fromConnectionError } from "./rpc-failure.ts";
import { createSerialConnector } from "./serial-connector.ts";
import { toTlsOptions } from "./tls-identity.ts";
import { callUnary, type UnaryReply } from "./unary-call.ts";
import type { UnaryOptions, UnaryTarget } from "./unary-types.ts";

const service = "/outrider.scorer.v1.ScorerService";

/** A connection is given up after so many budgets without an answer: until then a late one is let in. */
const patienceBudgets = 10;

/** Shortest patience, in ms. */
const minPatienceMs = 20;

/** Pause between two attempts to reach somebody, in ms. */
const knockMs = 20;

/** Idle connections are kept for so long, in ms. */
const keepAliveMs = 60_000;

/** How long a call may take. */
export interface UnaryPatience {
  /** What the plugin is told, in ms. */
  readonly budgetMs: number;
  /** Silence after which its connection is given up, in ms. */
  readonly patienceMs: number;
}

/** How long a call with a budget may take. */
export function patienceFor(budgetMs: number): UnaryPatience {
  return { budgetMs, patienceMs: patienceBudgets * budgetMs };
}

/** Makes unary calls to one plugin. */
export type UnaryCaller = Pick<UnaryPool, "subject" | "call" | "close">;

/** Connections to one plugin that serves unary calls: Connect in JSON over HTTP/1.1, always with a Content-Length. */
export class UnaryPool {
  /** Names the plugin in errors. */
  readonly subject: string;
  readonly #target: UnaryTarget;
  readonly #token: UnaryOptions["token"];
  readonly #pool: Pool;
  readonly #base: string;
  #isClosed = false;

  constructor(target: UnaryTarget, token: UnaryOptions["token"], connections: number) {
    const url = new URL(target.kind === "url" ? target.url : originOf(target));
    this.#target = target;
    this.#token = token;
    this.#base = url.pathname.replace(/\/$/, "");
    this.subject = target.kind === "socket" ? target.path : url.host;
    this.#pool = new Pool(url.origin, {
      connections,
      pipelining: 1,
      allowH2: false,
      keepAliveTimeout: keepAliveMs,
      connect: createSerialConnector(toConnector(target)),
    });
  }

  /** Waits until somebody answers there. @throws {OutriderError} `SCORER_UNAVAILABLE`. */
  async connect(timeoutMs: number): Promise<void> {
    const endMs = performance.now() + timeoutMs;
    for (;;) {
      try {
        await knock(this.#target, Math.max(1, endMs - performance.now()));
        return;
      } catch (cause) {
        const isOver = this.#isClosed || performance.now() + knockMs >= endMs;
        if (isOver || !isAbsence(cause)) throw fromConnectionError(cause, this.subject);
      }
      await delay(knockMs);
    }
  }

  /** @throws {OutriderError} as {@link callUnary}. */
  call(method: string, body: string, { budgetMs, patienceMs }: UnaryPatience): Promise<UnaryReply> {
    const token = typeof this.#token === "string" ? this.#token : this.#token();
    const headers: Record<string, string> = {
      "content-type": "application/json",
      "connect-protocol-version": "1",
      "connect-timeout-ms": String(Math.max(1, Math.ceil(budgetMs))),
      ...(token === "" ? {} : { authorization: `Bearer ${token}` }),
    };
    return callUnary(this.#pool, {
      path: `${this.#base}${service}/${method}`,
      headers,
      body,
      patienceMs: Math.max(minPatienceMs, Math.ceil(patienceMs)),
      subject: this.subject,
    });
  }

  /** Ends all connections; calls in flight fail. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#pool.destroy(new OutriderError("SCORER_UNAVAILABLE", `${this.subject}: closed`));
  }
}

function originOf(target: Exclude<UnaryTarget, { readonly kind: "url" }>): string {
  return target.kind === "port" ? `http://127.0.0.1:${target.port}` : "http://localhost";
}

function toConnector(target: UnaryTarget): buildConnector.connector {
  if (target.kind === "socket") return buildConnector({ socketPath: target.path });
  if (target.kind === "port" || target.tls === undefined) return buildConnector({});
  const { tls } = target;
  return (options, callback) => {
    try {
      buildConnector({ ...toTlsOptions(tls()) })(options, callback);
    } catch (cause) {
      callback(cause as Error, null);
    }
  };
}

/** Opens a connection and closes it again. */
function knock(target: UnaryTarget, timeoutMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(addressOf(target));
    socket.setTimeout(timeoutMs, () => socket.destroy(new Error(`no connection within ${Math.ceil(timeoutMs)} ms`)));
    socket.once("error", reject);
    socket.once("connect", () => {
      socket.destroy();
      resolve();
    });
  });
}

function addressOf(target: UnaryTarget): net.NetConnectOpts {
  if (target.kind === "socket") return { path: target.path };
  if (target.kind === "port") return { host: "127.0.0.1", port: target.port };
  const { hostname, port, protocol } = new URL(target.url);
  const host = hostname.replace(/^\[|\]$/g, "");
  return { host, port: port === "" ? (protocol === "https:" ? 443 : 80) : Number(port) };
}

/** Whether nobody listens there yet, or is just too busy to be reached. */
function isAbsence(cause: unknown): boolean {
  const { code = "" } = cause as NodeJS.ErrnoException;
  return ["ECONNREFUSED", "ENOENT", "EAGAIN"].includes(code);
}
