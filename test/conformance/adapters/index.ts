import type { Adapter } from "../adapter.ts";
import { admission } from "./admission.ts";
import { attrReporter } from "./attr-reporter.ts";
import { cel } from "./cel.ts";
import { chunking } from "./chunking.ts";
import { config } from "./config.ts";
import { conformance } from "./conformance.ts";
import { derived } from "./derived.ts";
import { director } from "./director.ts";
import { e2e } from "./e2e.ts";
import { endpointScores } from "./endpoint-scores.ts";
import { errors } from "./errors.ts";
import { flowControl } from "./flow-control.ts";
import { grpc } from "./grpc.ts";
import { handlers } from "./handlers.ts";
import { headers } from "./headers.ts";
import { health } from "./health.ts";
import { hermetic } from "./hermetic.ts";
import { lwepp } from "./lwepp.ts";
import { metadata } from "./metadata.ts";
import { parsers } from "./parsers.ts";
import { ports } from "./ports.ts";
import { sessionAffinity } from "./session-affinity.ts";
import { subset } from "./subset.ts";
import { testfilter } from "./testfilter.ts";

/** Adapter of each `group`. */
export const adapters: Readonly<Record<string, Adapter>> = {
  admission,
  "attr-reporter": attrReporter,
  cel,
  chunking,
  config,
  conformance,
  derived,
  director,
  e2e,
  "endpoint-scores": endpointScores,
  errors,
  "flow-control": flowControl,
  grpc,
  handlers,
  headers,
  health,
  hermetic,
  lwepp,
  metadata,
  parsers,
  ports,
  "session-affinity": sessionAffinity,
  subset,
  testfilter,
};
