/** A number as JSON can hold it, to 9 digits; `null` for what is no number. */
export function toNumber(value: number): number | null {
  return Number.isFinite(value) ? Number(value.toPrecision(9)) : null;
}

/** A number of a curve, to 5 digits; `null` for what is no number. */
export function toPoint(value: number): number | null {
  return Number.isFinite(value) ? Number(value.toPrecision(5)) : null;
}

/** A share of a whole; `null` of nothing. */
export function toShare(part: number, whole: number): number | null {
  return whole > 0 ? toNumber(part / whole) : null;
}
