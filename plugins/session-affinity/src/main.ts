import { serve } from "@outrider/plugin-sdk";
import { sessionAffinity, sessionAffinityScorer } from "./index.ts";

await serve([sessionAffinity, sessionAffinityScorer]);
