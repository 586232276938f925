import { z } from "zod";

/** `parameters:` of a `lora-affinity-scorer`: none. */
export const loraAffinityConfig = z.strictObject({});
