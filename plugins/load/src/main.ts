import { serve } from "@outrider/plugin-sdk";
import {
  activeRequestScorer,
  kvCacheUtilizationScorer,
  loadAwareScorer,
  queueScorer,
  runningRequestsSizeScorer,
} from "./scorer.ts";

await serve([queueScorer, runningRequestsSizeScorer, kvCacheUtilizationScorer, loadAwareScorer, activeRequestScorer]);
