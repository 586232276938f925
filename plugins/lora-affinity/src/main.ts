import { serve } from "@outrider/plugin-sdk";
import { loraAffinityScorer } from "./scorer.ts";

await serve([loraAffinityScorer]);
