/** A configuration that looks at load and prompts, so that it wants bodies. @param responses how much of responses it observes. */
export function pickerConfig(responses: "auto" | "full" | "headers" | "none"): string {
  return `apiVersion: outrider.dev/v1alpha1
kind: EndpointPickerConfig
responses: ${responses}
plugins:
- type: queue-scorer
- type: prefix-cache
- type: max-score-picker
schedulingProfiles:
- name: default
  plugins:
  - { pluginRef: queue-scorer, weight: 2 }
  - { pluginRef: prefix-cache, weight: 3 }
  - { pluginRef: max-score-picker }
`;
}
