/** What keeps the host from being ready, in words; empty = ready. */
export interface Readiness {
  reasons(): readonly string[];
  /** The request path is warm. */
  warmedUp(): void;
  /** The host is going away. */
  startDraining(): void;
  readonly isDraining: boolean;
}

/** @param missingRequired names of required plugins that are not active. */
export function createReadiness(missingRequired: () => readonly string[]): Readiness {
  let isWarm = false;
  let isDraining = false;
  return {
    reasons: () => [
      ...(isDraining ? ["the host is draining"] : []),
      ...(isWarm ? [] : ["the request path is warming up"]),
      ...missingRequired().map((name) => `required plugin ${name} is not active`),
    ],
    warmedUp() {
      isWarm = true;
    },
    startDraining() {
      isDraining = true;
    },
    get isDraining() {
      return isDraining;
    },
  };
}
