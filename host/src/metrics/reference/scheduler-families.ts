import { bounds } from "./bounds.ts";
import { alias, type FamilySpec } from "./family-spec.ts";

const extension = (name: string, kept: readonly string[]) => [alias(`inference_extension_${name}`, kept)];
const older = (name: string, kept: readonly string[]) => [alias(`llm_d_inference_scheduler_${name}`, kept)];
const pluginLabels = ["extension_point", "plugin_type", "plugin_name"] as const;
const rewriteLabels = ["model_rewrite_name", "model_name", "target_model"] as const;
const decisionLabels = ["plugin_name", "plugin_type", "model_name", "decision_type"] as const;
const oldDecisionLabels = ["model_name", "decision_type"] as const;
const prefixLabels = ["plugin_name", "plugin_type"] as const;

/** What is told of decisions, and of the host's own work. */
export const schedulerFamilies = {
  decision: {
    name: "scheduler_e2e_duration_seconds",
    kind: "histogram",
    labels: [],
    about: "Scheduling cycle, start to pick, producers included.",
    bounds: bounds.decision,
    aliases: extension("scheduler_e2e_duration_seconds", []),
  },
  attempts: {
    name: "scheduler_attempts_total",
    kind: "counter",
    labels: ["status", "target_model_name", "endpoint_name", "namespace", "port"],
    about:
      "Scheduling cycles, `success` with the endpoint picked, `failure` with none. Series of endpoints that have left go when there are too many.",
    aliases: [
      {
        name: "inference_extension_scheduler_attempts_total",
        labels: {
          status: "status",
          target_model_name: "target_model_name",
          pod_name: "endpoint_name",
          namespace: "namespace",
          port: "port",
        },
      },
    ],
  },
  plugin: {
    name: "plugin_duration_seconds",
    kind: "histogram",
    labels: pluginLabels,
    about:
      "Call of a plugin, to its answer or to the bell; `Scorer` or `DataProducer`. Filters, pickers and handlers are part of the host, and their time of the cycle's.",
    bounds: bounds.decision,
    aliases: extension("plugin_duration_seconds", pluginLabels),
  },
  requestProcessing: {
    name: "request_processing_duration_seconds",
    kind: "histogram",
    labels: [],
    about: "Request received whole to sent or refused.",
    bounds: bounds.decision,
    aliases: [],
  },
  responseProcessing: {
    name: "response_processing_duration_seconds",
    kind: "histogram",
    labels: [],
    about: "The host's own time with the headers and pieces of a response, together.",
    bounds: bounds.decision,
    aliases: [],
  },
  rewrites: {
    name: "model_rewrite_decisions_total",
    kind: "counter",
    labels: rewriteLabels,
    about: "Requests whose model a rule of `modelRewrites` chose.",
    aliases: extension("model_rewrite_decisions_total", rewriteLabels),
  },
  disagg: {
    name: "disagg_decision_total",
    kind: "counter",
    labels: decisionLabels,
    about:
      "Decisions of a `disagg-profile-handler` by the stages that got endpoints of their own: `decode-only`, `prefill-decode`, `encode-decode`, `encode-prefill-decode`; `model_name` is the target's, `unknown` without one.",
    aliases: older("disagg_decision_total", oldDecisionLabels),
  },
  pd: {
    name: "pd_decision_total",
    kind: "counter",
    labels: decisionLabels,
    about: "The same of a `pd-profile-handler`.",
    aliases: older("pd_decision_total", oldDecisionLabels),
  },
  prefixRatio: {
    name: "prefix_indexer_hit_ratio",
    kind: "histogram",
    labels: prefixLabels,
    about:
      "Prefix blocks believed cached at the endpoint picked ÷ blocks of the prompt, by the producer that tells both.",
    bounds: bounds.ratio,
    aliases: extension("prefix_indexer_hit_ratio", []),
  },
  prefixBytes: {
    name: "prefix_indexer_hit_bytes",
    kind: "histogram",
    labels: prefixLabels,
    about: "The same blocks in bytes: 64 tokens each, four bytes a token.",
    bounds: bounds.prefixBytes,
    aliases: extension("prefix_indexer_hit_bytes", []),
  },
} as const satisfies Record<string, FamilySpec>;
