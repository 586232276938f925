import { serve } from "@outrider/plugin-sdk";
import { contextLengthAware, headerLabelAffinityScorer } from "./index.ts";

await serve([headerLabelAffinityScorer, contextLengthAware]);
