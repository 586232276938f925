import { serve } from "@outrider/plugin-sdk";
import { prefixCache } from "./scorer.ts";

await serve([prefixCache]);
