const steps = [
  [1e9, "G"],
  [1e6, "M"],
  [1e3, "k"],
] as const;

/** A number on an axis, short: `1.5k`, `0.25`. */
export function formatTick(value: number): string {
  const step = steps.find(([size]) => Math.abs(value) >= size);
  return step === undefined
    ? String(Number(value.toPrecision(6)))
    : `${Number((value / step[0]).toPrecision(4))}${step[1]}`;
}

/** A figure in a table: four digits, thousands apart by a narrow space. */
export function formatFigure(value: number | null): string {
  if (value === null) return "–";
  const rounded = Math.abs(value) >= 1000 ? Math.round(value) : Number(value.toPrecision(4));
  const [whole = "", rest] = String(rounded).split(".");
  const grouped = whole.replaceAll(/\B(?=(\d{3})+$)/g, "\u202f");
  return rest === undefined ? grouped : `${grouped}.${rest}`;
}

/** A figure in the unit that {@link shownUnit} names. */
export function formatIn(value: number | null, unit: string): string {
  return formatFigure(value !== null && unit === "share" ? value * 100 : value);
}

/** The unit in which figures are read: percent for shares. */
export function shownUnit(unit: string): string {
  return unit === "share" ? "%" : unit;
}

/** A figure with the unit in which it is read. */
export function formatUnit(value: number | null, unit: string): string {
  return value === null ? "–" : `${formatIn(value, unit)} ${shownUnit(unit)}`;
}
