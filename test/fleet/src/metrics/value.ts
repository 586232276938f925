/** A sample's value as Prometheus' Python client writes it: `5.0`, `0.25`, `1.7953567203116457e+09`, `NaN`. */
export function toMetricValue(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "+Inf" : "-Inf";
  const text = Number.isInteger(value) ? `${value}.0` : String(value);
  return value >= 1e6 && value < 1e21 ? toExponent(text) : text;
}

function toExponent(text: string): string {
  const point = text.indexOf(".");
  const digits = `${text[0]}.${text.slice(1, point)}${text.slice(point + 1)}`.replace(/\.?0+$/, "");
  return `${digits}e+${String(point - 1).padStart(2, "0")}`;
}
