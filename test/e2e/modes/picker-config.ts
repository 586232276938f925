/** What a picker looks at: load and prompts, so that it wants bodies, or load alone. */
export type Interest = "prompts" | "load";

/**
 * A picker's configuration.
 * @param responses how much of responses it observes.
 */
export function pickerConfig(responses: "full" | "headers" | "none", interest: Interest = "prompts"): string {
  const prompts = interest === "prompts" ? ["prefix-cache"] : [];
  const plugins = ["queue-scorer", ...prompts, "max-score-picker"];
  return `apiVersion: outrider.dev/v1alpha1
kind: EndpointPickerConfig
responses: ${responses}
plugins:
${plugins.map((type) => `- type: ${type}`).join("\n")}
schedulingProfiles:
- name: default
  plugins:
${plugins.map((type) => `  - pluginRef: ${type}`).join("\n")}
`;
}
