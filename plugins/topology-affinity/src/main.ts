import { serve } from "@outrider/plugin-sdk";
import { topologyAffinityScorer } from "./scorer.ts";

await serve([topologyAffinityScorer]);
