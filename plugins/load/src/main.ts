import { serve } from "@outrider/plugin-sdk";
import { activeRequestScorer, kvCacheUtilizationScorer, queueScorer } from "./scorer.ts";

await serve([queueScorer, kvCacheUtilizationScorer, activeRequestScorer]);
