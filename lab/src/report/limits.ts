/** What the model of a model server is known not to do, told in every report. */
export const modelLimits: readonly string[] = [
  "Simulated, not measured on GPUs. Step times are a fit to published runs of Qwen3-32B on H100, tuned on those very runs with one or two seeds: a fit, not a validation. Of that table the fit reproduces the throughput of round robin within 13 %, its TTFT within 24 %, and the throughput of prefix and load together within 6 %. Other hardware and models are extrapolated from data sheets.",
  "Not modelled: HTTP, tokenising and detokenising (50 to 70 ms of TTFT in the published runs; a scenario can add them), CUDA-graph steps, speculative decoding, mixtures of experts, and the network between router and servers.",
  "KV blocks move from a prefill server to a decode server at a fixed time a token; transfers do not compete with each other.",
  "Known not to be reproduced: the inter-token latency of about 160 ms that was published for prefix-only scheduling (33 ms in the model), and one pod count for both published workloads of that experiment (8 fits the one, 12 the other).",
  "Success is decided by the rate and the client's time-out: read one only beside the other. Latencies are of requests answered whole, so where success differs they are not of the same requests.",
];

/** How the figures of a report are made, told in every report. */
export const methodNotes: readonly string[] = [
  "Rates refer to the time from the first request sent behind the warm-up to the last of these ended: the drain is included, which lowers throughput of short runs.",
  "Quantiles are within 0.2 %, means are exact. ITL counts every gap, each as its request's mean gap: its mean is exact, its quantiles hide what varies within a request.",
  "Times are virtual. What the router's own code takes in real time is not in any figure.",
];
