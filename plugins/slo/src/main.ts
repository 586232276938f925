import { serve } from "@outrider/plugin-sdk";
import { latencyScorer, predictedLatencyProducer, slo } from "./index.ts";

await serve([slo, latencyScorer, predictedLatencyProducer]);
