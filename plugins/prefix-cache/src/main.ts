import { serve } from "@outrider/plugin-sdk";
import { approxPrefixCacheProducer, prefixCache, prefixCacheScorer } from "./index.ts";

await serve([prefixCache, approxPrefixCacheProducer, prefixCacheScorer]);
