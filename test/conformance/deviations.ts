/**
 * Where Outrider departs from the reference EPP on purpose, by name. Each is a defect of the reference that is known and
 * not to be copied; a row that restates it `differs`.
 */
export const deviations = {
  "no endpoint is 503": "⚠ the reference answers 500 to a request without body when no endpoint is ready",
  "subset matches ports": "⚠ the reference's subset match ignores the port, wrong for several ranks on one address",
  "bodies name a model": "⚠ lwepp reads no bodies; one without a model gets 400 here, as from the reference EPP itself",
  "denials keep their code": "⚠ the reference answers 500 whatever code an admitter denies a request with",
} as const;

/** Name of a deviation. */
export type DeviationName = keyof typeof deviations;
