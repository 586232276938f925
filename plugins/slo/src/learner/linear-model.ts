import { featureCount, Moments, solve } from "./moments.ts";

/** Features that count tokens to compute. */
const tokenFeatures = [1, 2, 3] as const;
/** How many times as much as all observations a coefficient's prior counts where it is held there. */
const pin = 1e9;

/** A linear model of what its features tell, learned as it goes. */
export class LinearModel {
  readonly moments: Moments = new Moments();
  readonly theta: Float64Array = new Float64Array(featureCount);
  /** Observations so far. */
  samples = 0;

  /**
   * Solves it anew, leaning towards `prior`; coefficients of tokens never fall below 0, or a prompt longer than any so
   * far would be said to take no time.
   * @param ridge may be changed.
   */
  refit(prior: Float64Array, ridge: Float64Array): void {
    const { moments, theta } = this;
    solve(moments, prior, ridge, theta);
    const below = tokenFeatures.filter((feature) => theta[feature] < 0);
    if (below.length === 0) return;
    for (const feature of below) ridge[feature] = pin * (ridge[feature] + moments.square(feature));
    solve(moments, prior, ridge, theta);
    for (const feature of tokenFeatures) theta[feature] = Math.max(0, theta[feature]);
  }
}

/** What is known of one endpoint beyond what is of all. */
export class EndpointModel extends LinearModel {
  /** Spreads above the mean at which the 90th percentile lies here. */
  margin: number;
  /** Mean of recent errors, in spreads, signed: far from 0 something has changed. */
  drift = 0;
  /** Recent observations, and what the pool's model says of the same requests. */
  observed = 0;
  expected = 0;

  constructor(margin: number) {
    super();
    this.margin = margin;
  }

  /** How many times as long as in the pool things take here; 1 where nothing is known. */
  scale(expectedNow: number): number {
    const trust = scalePrior * expectedNow;
    return (this.observed + trust) / (this.expected + trust);
  }
}

/** Observations for which the assumption counts that an endpoint is like its pool. */
const scalePrior = 3;
