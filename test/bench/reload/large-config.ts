/** As many as a decision has room for, and filters up to 200 plugins. */
const scorerCount = 120;
const filterCount = 80;

/**
 * Text of a configuration with 200 plugins in one profile.
 * @param weight of every scorer.
 * @param maxBusyScore a parameter of every scorer.
 */
export function largeConfig(weight: number, maxBusyScore: number): string {
  const scorers = Array.from({ length: scorerCount }, (_, i) => `scorer-${i}`);
  const filters = Array.from({ length: filterCount }, (_, i) => `filter-${i}`);
  const selector = "  parameters:\n    matchExpressions:\n    - { key: left, operator: DoesNotExist }\n";
  const parameters = `    idleThreshold: 1\n    maxBusyScore: ${maxBusyScore}\n`;
  return [
    "apiVersion: outrider.dev/v1alpha1\nkind: EndpointPickerConfig\nplugins:\n",
    ...filters.map((name) => `- name: ${name}\n  type: label-selector-filter\n${selector}`),
    ...scorers.map((name) => `- name: ${name}\n  type: active-request-scorer\n  parameters:\n${parameters}`),
    "schedulingProfiles:\n- name: default\n  plugins:\n",
    ...scorers.map((name) => `  - pluginRef: ${name}\n    weight: ${weight}\n`),
    ...filters.map((name) => `  - pluginRef: ${name}\n`),
  ].join("");
}
