import { createHeaderTestingFilter, selectionHeader } from "@outrider/core";
import { z } from "zod";
import { definePolicy } from "../policy-type.ts";

/** A filter for conformance tests. */
export const headerTestingFilter = definePolicy({
  type: "header-based-testing-filter",
  about: `Keeps the endpoints that the request names in header \`${selectionHeader}\`, for tests: IP or IP:port each.`,
  parameters: z.looseObject({}),
  explain: () => `keeps the endpoints that the request names in ${selectionHeader}`,
  oddities: () => [{ path: [], message: "lets every client choose its endpoint", hint: "only use it in tests" }],
  needs: () => [{ key: "request.headers", names: [selectionHeader] }],
  filter: createHeaderTestingFilter,
});
