import { serve } from "@outrider/plugin-sdk";
import { noHitLruScorer } from "./scorer.ts";

await serve([noHitLruScorer]);
