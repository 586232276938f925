/** Every error by its published name. Logs, metrics and plugins match on it: none is renamed or reused. */
export const errorCodes = {
  CONFIG_INVALID: "the configuration does not fit its schema; raised at start-up and at reload, never while serving",
  ENDPOINTS_INVALID: "an endpoints file or flag does not name endpoints; the last good list stays in force",
  METRICS_INVALID: "a model server's metrics page cannot be read; its values age and become unknown",
  PLUGIN_REJECTED: "the plugin refused its configuration, or asks for what the operator did not grant",
  SCORER_UNAVAILABLE: "the plugin is not connected, or was lost during the call",
  SCORER_DEADLINE: "no answer before the scoring deadline",
  SCORER_SHED: "the plugin already has as many calls in flight as it accepts",
  SCORER_FAILED: "the plugin answered the call with an error of its own",
  SCORES_INVALID: "wrong count, Infinity, or NaN on the wire: a bug in the plugin",
  SCORER_EJECTED: "the plugin failed or was late too often and is only asked in shadow until it does well again",
  SCORER_REQUIRED: "a scorer without which requests are to fail brought nothing; only where the configuration says so",
  PROTOCOL_VIOLATION: "a frame or message that the contract does not allow",
  SCENARIO_INVALID: "a scenario of a simulation, or a row of the trace that it names, cannot be used",
} as const;

/** Published name of an error; see {@link errorCodes}. */
export type ErrorCode = keyof typeof errorCodes;

/** An expected failure with its published name; what caused it, if foreign, is `cause`. */
export class OutriderError extends Error {
  /** Published name, stable across versions. */
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "OutriderError";
    this.code = code;
  }
}
