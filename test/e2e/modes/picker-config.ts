/** What of a configuration tests vary. */
export interface PickerConfig {
  /** How much of responses is observed. */
  readonly responses: "full" | "headers" | "none";
  /** Whether prompts are looked at, so that bodies are wanted; default true. */
  readonly looksAtPrompts?: boolean;
  /** Endpoints of a pick at most; default 1. */
  readonly listLength?: number;
}

/** Text of a configuration that scores by load. */
export function pickerConfig({ responses, looksAtPrompts = true, listLength = 1 }: PickerConfig): string {
  const scorers = looksAtPrompts ? ["queue-scorer", "prefix-cache"] : ["queue-scorer"];
  return `apiVersion: outrider.dev/v1alpha1
kind: EndpointPickerConfig
responses: ${responses}
plugins:
${scorers.map((type) => `- type: ${type}`).join("\n")}
- { type: max-score-picker, parameters: { maxNumOfEndpoints: ${listLength} } }
schedulingProfiles:
- name: default
  plugins:
${scorers.map((type) => `  - pluginRef: ${type}`).join("\n")}
  - pluginRef: max-score-picker
`;
}
