/**
 * Configuration of the host that is soaked: scorers inline, as processes, and where there is Python in that too, so that
 * every kind of plugin comes and goes.
 */
export function configureHost(pythonFile: string | undefined): string {
  const python = {
    processes: pythonFile === undefined ? [] : ["processes:", `- { name: python, command: [python3, ${pythonFile}] }`],
    plugin: pythonFile === undefined ? [] : ["- { name: python, type: short-queue, process: python, budget: 4ms }"],
    ref: pythonFile === undefined ? [] : ["  - { pluginRef: python }"],
  };
  return [
    "apiVersion: outrider.dev/v1alpha1",
    "kind: EndpointPickerConfig",
    "budget: 5ms",
    ...python.processes,
    "plugins:",
    "- { name: prefix, type: prefix-cache, placement: process, budget: 3ms, grant: [request.block_hashes] }",
    "- { name: own-prefix, type: prefix-cache }",
    "- { name: queue, type: queue-scorer, placement: process, budget: 3ms }",
    "- { name: kv, type: kv-cache-utilization-scorer }",
    "- { name: session, type: session-affinity }",
    ...python.plugin,
    "- { name: best, type: max-score-picker, parameters: { maxNumOfEndpoints: 3 } }",
    "schedulingProfiles:",
    "- name: default",
    "  plugins:",
    "  - { pluginRef: prefix, weight: 2 }",
    "  - { pluginRef: own-prefix }",
    "  - { pluginRef: queue, weight: 3 }",
    "  - { pluginRef: kv, weight: 2 }",
    "  - { pluginRef: session }",
    ...python.ref,
    "  - { pluginRef: best }",
    "",
  ].join("\n");
}
