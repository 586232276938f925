import { defineScorer } from "@outrider/plugin-sdk";
import { headerLabelConfig } from "./config.ts";

/**
 * Prefers endpoints with a label that says what a header of the request says: 1 where they are equal, else 0. Abstains
 * for requests without the header.
 */
export const headerLabelAffinityScorer = defineScorer({
  type: "header-label-affinity-scorer",
  category: "affinity",
  state: "none",
  needs: [],
  needsOf: ({ headerName, labelKey }) => [
    { key: "request.headers", names: [headerName], required: true },
    { key: "endpoint.labels", names: [labelKey], required: true },
  ],
  config: headerLabelConfig,
  create: ({ headerName, labelKey }) => ({
    score({ candidates, endpoints, request: { headers } }, scores) {
      const wanted = Object.hasOwn(headers, headerName) ? headers[headerName] : "";
      if (wanted === "") return `no header ${headerName}`;
      for (let i = 0; i < candidates.length; i++) {
        const labels = endpoints.at(candidates[i])?.labels ?? {};
        scores[i] = Object.hasOwn(labels, labelKey) && labels[labelKey] === wanted ? 1 : 0;
      }
      return undefined;
    },
  }),
});
