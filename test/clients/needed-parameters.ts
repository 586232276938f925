/** Parameters of the built-in types that cannot do without. */
const neededParameters: Readonly<Record<string, object>> = {
  "header-label-affinity-scorer": { headerName: "x-team", labelKey: "zone" },
  "endpoint-attribute-scorer": {
    attributeKey: "RunningRequestsSize",
    algorithm: { type: "linear_lower_is_better", normalization: { adaptiveRange: {} } },
  },
};

/** Parameters that a built-in type can be made with; `undefined` = it needs none. */
export function parametersFor(type: string): object | undefined {
  return neededParameters[type];
}
