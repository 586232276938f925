/** Features of one prediction, the constant included. */
export const featureCount = 8;

/** Cells of a packed triangle of features × features. */
export const triangleCells = (featureCount * (featureCount + 1)) / 2;

/** The sums that a linear model is solved from; they forget. */
export class Moments {
  /** Σ weight · x · xᵀ, lower triangle by rows. */
  readonly gram: Float64Array = new Float64Array(triangleCells);
  /** Σ weight · x · y. */
  readonly cross: Float64Array = new Float64Array(featureCount);

  /**
   * Adds one observation.
   * @param rows features, those of this observation from `at` on.
   * @param keep share of what was there before that still counts.
   */
  add(rows: ArrayLike<number>, at: number, y: number, weight: number, keep: number): void {
    const { gram, cross } = this;
    let cell = 0;
    for (let i = 0; i < featureCount; i++) {
      const weighted = weight * rows[at + i];
      for (let j = 0; j <= i; j++, cell++) gram[cell] = keep * gram[cell] + weighted * rows[at + j];
      cross[i] = keep * cross[i] + weighted * y;
    }
  }

  /** Counts what is there as that share of it. */
  fade(keep: number): void {
    for (let i = 0; i < triangleCells; i++) this.gram[i] *= keep;
    for (let i = 0; i < featureCount; i++) this.cross[i] *= keep;
  }

  /** Σ weight · xᵢ² of a feature. */
  square(feature: number): number {
    return this.gram[(feature * (feature + 3)) / 2];
  }
}

const factor = new Float64Array(triangleCells);
const half = new Float64Array(featureCount);

/**
 * Coefficients of least squares that lean towards `prior`: minimises Σ weight · (y − θ·x)² + Σ ridgeᵢ · (θᵢ − priorᵢ)².
 * @param ridge above 0, so that there is one answer whatever was observed.
 */
export function solve(moments: Moments, prior: Float64Array, ridge: Float64Array, into: Float64Array): void {
  factorize(moments.gram, ridge);
  let cell = 0;
  for (let i = 0; i < featureCount; i++) {
    let sum = moments.cross[i] + ridge[i] * prior[i];
    for (let j = 0; j < i; j++) sum -= factor[cell++] * half[j];
    half[i] = sum / factor[cell++];
  }
  for (let i = featureCount - 1; i >= 0; i--) {
    let sum = half[i];
    for (let j = i + 1; j < featureCount; j++) sum -= factor[(j * (j + 1)) / 2 + i] * into[j];
    into[i] = sum / factor[(i * (i + 3)) / 2];
  }
}

/** Cholesky's factor of gram + ridge, into {@link factor}. */
function factorize(gram: Float64Array, ridge: Float64Array): void {
  for (let i = 0; i < featureCount; i++) {
    const row = (i * (i + 1)) / 2;
    for (let j = 0; j <= i; j++) {
      const other = (j * (j + 1)) / 2;
      let sum = gram[row + j];
      for (let k = 0; k < j; k++) sum -= factor[row + k] * factor[other + k];
      factor[row + j] = i === j ? Math.sqrt(Math.max(sum + ridge[i], ridge[i])) : sum / factor[other + j];
    }
  }
}

/** θ·x. */
export function dot(theta: Float64Array, rows: ArrayLike<number>, at: number): number {
  let sum = 0;
  for (let i = 0; i < featureCount; i++) sum += theta[i] * rows[at + i];
  return sum;
}
