import { Registry } from "prom-client";
import { createFakeScheduler, type FakeScheduler } from "../../doors/testing/fake-scheduler.ts";
import { createPickMetrics } from "../metrics.ts";
import { createPickServer, type PickServer, type PickServerOptions } from "../server.ts";

/** A Pick RPC that listens, in front of a scheduler that decides what it is told to. */
export interface OpenDoor {
  readonly scheduler: FakeScheduler;
  readonly server: PickServer;
  /** `http://ip:port`. */
  readonly url: string;
  /** Value of a series by its full text; 0 where it is not there. */
  metric(series: string): Promise<number>;
  /** Calls a procedure with JSON. */
  call(procedure: "Pick" | "Complete", message: unknown, signal?: AbortSignal): Promise<Answer>;
}

/** An answer in JSON. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: AnswerBody;
}

/** Members of answers, those of an error too. */
export interface AnswerBody {
  readonly decisionId?: string;
  readonly endpoints?: readonly string[];
  readonly headers?: readonly { readonly name: string; readonly value: string }[];
  readonly model?: string;
  readonly body?: string;
  readonly code?: string;
  readonly message?: string;
  readonly details?: readonly { readonly type: string; readonly debug: Readonly<Record<string, unknown>> }[];
}

/** Opens the door on a free port of loopback. */
export async function openDoor(options: Partial<PickServerOptions> = {}): Promise<OpenDoor> {
  const scheduler = createFakeScheduler();
  const registry = new Registry();
  const server = createPickServer({ scheduler, metrics: createPickMetrics(registry), timeoutMs: 60_000, ...options });
  const { port } = await server.listen("127.0.0.1", 0);
  const url = `http://127.0.0.1:${port}`;
  return {
    scheduler,
    server,
    url,
    async metric(series) {
      const lines = (await registry.metrics()).split("\n");
      return Number(
        lines
          .find((line) => line.startsWith(`${series} `))
          ?.split(" ")
          .at(-1) ?? 0,
      );
    },
    async call(procedure, message, signal) {
      const response = await fetch(`${url}/outrider.picker.v1.PickerService/${procedure}`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(message),
        ...(signal === undefined ? {} : { signal }),
      });
      return { status: response.status, headers: response.headers, body: (await response.json()) as AnswerBody };
    },
  };
}
