import { request } from "node:http";
import { createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { OutriderError } from "@outrider/core/contract";
import { AdminService } from "@outrider/protos/admin";
import { onTestFinished } from "vitest";
import type { FrameListener } from "../../plugins/types.ts";
import { config, decide, plan } from "../../record/fixtures/decide.ts";
import { createDecisionRing } from "../../scheduling/decision-ring.ts";
import type { ConfigControl } from "../config-procedures.ts";
import type { PluginControl } from "../plugin-procedures.ts";
import { createAdminServer } from "../server.ts";
import type { PluginView } from "../service.ts";

/** What the interface is opened with; the rest is made up. */
export interface AdminTestOptions {
  readonly token?: string;
  /** Why the host is not ready. */
  readonly reasons?: string[];
  /** Past decisions. */
  readonly decisions?: number;
  readonly upgrade?: PluginControl["upgrade"];
  readonly configs?: ConfigControl;
}

/** An admin interface on a free port, which ends with the test. */
export interface OpenAdmin {
  readonly client: AdminTestClient;
  /** One request with exactly these headers; fetch would not let the host be another. */
  ask(path: string, headers?: Record<string, string>, body?: string): Promise<{ status: number; text: string }>;
  /** Who listens to the frames of plugins. */
  readonly listeners: ReadonlySet<FrameListener>;
}

/** Procedures as a caller has them. */
export type AdminTestClient = ReturnType<typeof createClient<typeof AdminService>>;

const status: PluginView = {
  name: "even",
  type: "even-scorer",
  placement: "process",
  process: "team",
  state: "backoff",
  message: "starts again in 2 s",
  profile: "session",
  pid: 77,
  restarts: 2,
  calls: { scored: 5, abstained: 0, late: 1, failed: 0, shed: 0 },
  inFlight: 0,
  lateAnswers: 1,
  violations: 0,
  revLag: 0,
  droppedFeedback: 0,
  offendingFrame: undefined,
  lastError: "SCORER_UNAVAILABLE: gone",
  granted: ["waiting_requests"],
  generation: 4,
  pluginVersion: "1.2.3",
  events: [{ atMs: 9, generation: 4, from: "active", to: "backoff", message: "gone" }],
  times: { call: { p50Us: 400, p99Us: 900 }, host: undefined, wire: undefined, plugin: undefined },
  resyncs: 1,
  fallbacks: 3,
};

const noChange = () => Promise.reject(new Error("no test changes this configuration"));

/** The configuration of the fixtures, which cannot be changed. */
const fixedConfig: ConfigControl = {
  reload: noChange,
  rollback: noChange,
  refused: undefined,
  history: [{ generation: 3, config, loadedAtMs: 1_700_000_000_000, cause: "start", rollbackOf: 0 }],
  weights: { list: () => [], set() {}, clear: () => false },
};

/** Opens the interface over two plugins, `even` in backoff and `picky`. */
export async function openAdmin(options: AdminTestOptions = {}): Promise<OpenAdmin> {
  const listeners = new Set<FrameListener>();
  const ring = createDecisionRing(10);
  for (let i = 1; i <= (options.decisions ?? 0); i++) {
    ring.add(await decide(`d${i}`), { door: "gateway", plan, refusal: undefined });
  }
  const server = await createAdminServer({
    address: { host: "127.0.0.1", port: 0 },
    token: options.token,
    readiness: () => options.reasons ?? [],
    plugins: () => [status, { ...status, name: "picky", state: "active" }],
    control: {
      upgrade: options.upgrade ?? (() => Promise.reject(new OutriderError("PLUGIN_REJECTED", "it listens nowhere"))),
      release: (name) => name === "even",
      tap(listener) {
        listeners.add(listener);
        return () => void listeners.delete(listener);
      },
      header: () => ({ format: "outrider.record.v1", generation: 3 }),
    },
    configs: options.configs ?? fixedConfig,
    decisions: { ...ring, contextOf: (record) => ring.circumstancesOf(record) },
  });
  onTestFinished(() => server.close());
  const transport = createConnectTransport({
    baseUrl: `http://${server.address}`,
    httpVersion: "1.1",
    useBinaryFormat: false,
  });
  return {
    client: createClient(AdminService, transport),
    ask: (path, headers = {}, body) => ask(server.address, path, headers, body),
    listeners,
  };
}

function ask(
  address: string,
  path: string,
  headers: Record<string, string>,
  body: string | undefined,
): Promise<{ status: number; text: string }> {
  const [host, port] = address.split(":");
  return new Promise((resolve, reject) => {
    const message = request({ host, port, path, method: body === undefined ? "GET" : "POST", headers }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      response.on("end", () => resolve({ status: response.statusCode ?? 0, text }));
    });
    message.on("error", reject).end(body);
  });
}
