/** A way to choose endpoints. */
export interface Policy {
  /** Its row in a table. */
  readonly row: string;
  /** Weights of scorers, by their types. */
  readonly scorers: Readonly<Record<string, number>>;
  /** Default `max-score-picker`. */
  readonly picker?: string;
}

/** A policy as a configuration of the host; responses are observed whatever it is, so that all cost alike. */
export function configure({ scorers, picker = "max-score-picker" }: Policy): string {
  const types = [...Object.keys(scorers), picker];
  const refs = Object.entries(scorers).map(([type, weight]) => `{ pluginRef: ${type}, weight: ${weight} }`);
  return [
    "apiVersion: outrider.dev/v1alpha1",
    "kind: EndpointPickerConfig",
    "responses: full",
    `plugins: [${types.map((type) => `{ type: ${type} }`).join(", ")}]`,
    "schedulingProfiles:",
    `- { name: default, plugins: [${[...refs, `{ pluginRef: ${picker} }`].join(", ")}] }`,
    "",
  ].join("\n");
}
