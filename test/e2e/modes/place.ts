import { randomUUID } from "node:crypto";
import type { ClientRequest } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import type { Envoy } from "@outrider/example-envoy";
import type { Fleet } from "@outrider/fleet";
import { expect } from "vitest";
import { type DecisionView, findDecision } from "../../clients/decisions.ts";
import { type Answer, exchange, exchangeHttp2, open, type Sent } from "../../clients/exchange.ts";
import type { Host } from "../../clients/host.ts";
import { until } from "../../clients/poll.ts";
import { type ListenerKind, listenerName } from "./bootstrap.ts";
import type { Mode } from "./mode.ts";
import type { Scene } from "./scene.ts";

/** Series of a host that counts responses by what their endpoint was to the decision. */
export function served(relation: "pick" | "fallback" | "elsewhere"): string {
  return `outrider_served_total{relation="${relation}"}`;
}

/** One request sent from a {@link Place}. */
export interface Call {
  /** Its `x-request-id`. */
  readonly id: string;
  readonly answer: Answer;
}

/** Where one case runs: one listener of one picker in a {@link Scene}. */
export class Place {
  readonly mode: Mode;
  readonly fleet: Fleet;
  readonly kind: ListenerKind;
  readonly host: Host;
  readonly #envoy: Envoy;
  readonly #door: string;
  readonly #ids: string[] = [];

  constructor({ mode, hosts, envoy, fleet }: Scene, kind: ListenerKind, picker: string) {
    const host = hosts[picker];
    if (host === undefined) throw new Error(`no picker ${picker}`);
    this.mode = mode;
    this.fleet = fleet;
    this.kind = kind;
    this.host = host;
    this.#envoy = envoy;
    this.#door = envoy.listener(listenerName(kind, picker));
  }

  /** Sends a request over HTTP/1.1 and reads its answer. */
  async ask(path: string, sent: Sent = {}): Promise<Call> {
    const id = this.#nextId();
    return { id, answer: await exchange(this.#door + path, withId(sent, id)) };
  }

  /** Sends a request over HTTP/2 and reads its answer. */
  async askHttp2(path: string, sent: Sent = {}): Promise<Call> {
    const id = this.#nextId();
    return { id, answer: await exchangeHttp2(this.#door + path, withId(sent, id)) };
  }

  /** Sends a request and leaves the answer to the caller. */
  open(path: string, sent: Sent = {}): { readonly id: string; readonly message: ClientRequest } {
    const id = this.#nextId();
    const message = open(this.#door + path, withId(sent, id));
    message.on("error", () => {});
    return { id, message };
  }

  /** Waits until the host has decided a request. */
  async decision(id: string): Promise<DecisionView> {
    const made = await until(
      () => findDecision(this.host.addresses.admin, id),
      (decision) => decision !== undefined,
    );
    if (made === undefined) throw new Error(`no decision for ${id}`);
    return made;
  }

  /** Checks that the model server that answered is the one the host picked. */
  async expectFollowed({ id, answer }: Call): Promise<void> {
    expect((await this.decision(id)).destinations[0]).toBe(answer.headers["x-served-by"]);
  }

  /** Envoy's log of this place's requests that have ended: response code, flags and details. */
  log(): string {
    const lines = this.#envoy.output().split("\n");
    return lines.filter((line) => this.#ids.some((id) => line.includes(id))).join("\n");
  }

  /** Runs a case here. @throws {Error} its failure with Envoy's log, which Envoy writes behind the answers. */
  async run(work: (place: Place) => Promise<void>): Promise<void> {
    try {
      await work(this);
    } catch (cause) {
      await sleep(200);
      throw new Error(`${String(cause)}\nEnvoy's log:\n${this.log()}`, { cause });
    }
  }

  #nextId(): string {
    const id = randomUUID();
    this.#ids.push(id);
    return id;
  }
}

function withId(sent: Sent, id: string): Sent {
  return { ...sent, headers: { "x-request-id": id, ...sent.headers } };
}
