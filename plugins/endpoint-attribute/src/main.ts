import { serve } from "@outrider/plugin-sdk";
import { endpointAttributeScorer } from "./scorer.ts";

await serve([endpointAttributeScorer]);
