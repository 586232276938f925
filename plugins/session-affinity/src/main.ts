import { serve } from "@outrider/plugin-sdk";
import { sessionAffinity } from "./scorer.ts";

await serve([sessionAffinity]);
