import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { createDeadlineSweep, defaultPhaseDeadlines, type PhaseDeadlines, tickFor } from "../doors/deadlines.ts";
import { createHeldBytes, type HeldBytes } from "../doors/held-bytes.ts";
import { type DoorLimits, defaultDoorLimits } from "../doors/limits.ts";
import type { Scheduler } from "../scheduling/types.ts";
import { createCallHandler } from "./call.ts";
import { type AnyResponse, createHttpListener } from "./listener.ts";
import type { PickMetrics } from "./metrics.ts";
import { createOpenPicks } from "./open-picks.ts";
import { createPickService } from "./service.ts";

/** What the Pick RPC is made of. */
export interface PickServerOptions {
  readonly scheduler: Scheduler;
  readonly metrics: PickMetrics;
  /** After which a pick that was never completed counts as done, in ms. */
  readonly timeoutMs: number;
  /** Why the host should not be asked yet, for `/readyz`; default nothing. */
  readonly readiness?: () => readonly string[];
  /** Default {@link defaultDoorLimits}. */
  readonly limits?: DoorLimits;
  /** What all doors hold together; default as much as `limits` says, for this door alone. */
  readonly held?: HeldBytes;
  /** Of these only the decision's counts; default {@link defaultPhaseDeadlines}. */
  readonly deadlines?: PhaseDeadlines;
}

/** The Pick RPC's door. */
export interface PickServer {
  /** @param port 0 = any free one. */
  listen(host: string, port: number): Promise<AddressInfo>;
  /**
   * Refuses new picks and takes completions until none is open, at most for `timeoutMs`; picks that are open then end
   * as `unknown`.
   */
  drain(timeoutMs: number): Promise<void>;
  /** Ends everything that is open. */
  close(): Promise<void>;
}

const pollMs = 20;
/** Time in which answers that are already made get out, in ms. */
const lastAnswersMs = 200;

/** Serves `outrider.picker.v1.PickerService`, `/healthz` and `/readyz` in plaintext, over HTTP/1.1 and HTTP/2. */
export function createPickServer(options: PickServerOptions): PickServer {
  const { scheduler, metrics, timeoutMs, limits = defaultDoorLimits, deadlines = defaultPhaseDeadlines } = options;
  const { held = createHeldBytes(limits.maxHeldBytes), readiness = () => [] } = options;
  const sweep = createDeadlineSweep(Math.min(tickFor(deadlines), Math.max(5, timeoutMs / 10)));
  const picks = createOpenPicks({ maxOpen: limits.maxOpenRequests, timeoutMs, sweep, metrics });
  let isDraining = false;
  const reasons = () => (isDraining ? ["draining"] : readiness());
  const { decisionMs } = deadlines;
  const service = createPickService({
    scheduler,
    picks,
    limits,
    metrics,
    sweep,
    decisionMs,
    isDraining: () => isDraining,
  });
  const maxCallMs = 2 * limits.maxRequestMs + decisionMs;
  const call = createCallHandler({ service, picks, metrics, limits, held, sweep, maxCallMs });
  const listener = createHttpListener(
    (request, response) => {
      request.on("error", ignore);
      response.on("error", ignore);
      const [path = ""] = (request.url ?? "").split("?");
      if (path === "/healthz") sendText(response, 200, "ok\n");
      else if (path === "/readyz") sendReadiness(response, reasons());
      else if (!call(path, request, response)) sendText(response, 404, "no such page\n");
    },
    limits,
    sweep,
    metrics.connectionRefused,
  );
  const stop = async (graceMs: number) => {
    isDraining = true;
    const endMs = performance.now() + graceMs;
    while (picks.count > 0 && performance.now() < endMs) await sleep(pollMs);
    picks.endAll("unknown");
    await listener.close(graceMs === 0 ? 0 : lastAnswersMs);
  };
  return { listen: listener.listen, drain: stop, close: () => stop(0) };
}

function ignore(): void {}

function sendReadiness(response: AnyResponse, reasons: readonly string[]): void {
  if (reasons.length === 0) sendText(response, 200, "ready\n");
  else sendText(response, 503, `${reasons.join("\n")}\n`);
}

function sendText(response: AnyResponse, status: number, text: string): void {
  response.statusCode = status;
  response.setHeader("content-type", "text/plain; charset=utf-8");
  response.end(text);
}
