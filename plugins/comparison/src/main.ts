import { serve } from "@outrider/plugin-sdk";
import { lmetric, smgCacheAware, smgLeastLoad } from "./index.ts";

await serve([lmetric, smgCacheAware, smgLeastLoad]);
