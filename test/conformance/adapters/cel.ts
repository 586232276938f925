import { notBuilt } from "../shapes.ts";

/** Admission of InferencePool objects by the API server. */
export const cel = notBuilt("kubernetes");
