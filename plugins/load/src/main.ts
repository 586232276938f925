import { serve } from "@outrider/plugin-sdk";
import {
  activeRequestScorer,
  inflightLoadProducer,
  kvCacheUtilizationScorer,
  load,
  loadAwareScorer,
  queueScorer,
  runningRequestsSizeScorer,
  tokenLoadScorer,
} from "./index.ts";

await serve([
  queueScorer,
  runningRequestsSizeScorer,
  kvCacheUtilizationScorer,
  loadAwareScorer,
  activeRequestScorer,
  tokenLoadScorer,
  load,
  inflightLoadProducer,
]);
