/** Colours of series on light and on dark ground, each with a contrast of at least 3 to its ground. */
const colours = [
  ["#1f6feb", "#58a6ff"],
  ["#bc4c00", "#f0883e"],
  ["#1a7f37", "#3fb950"],
  ["#8250df", "#bc8cff"],
  ["#cf222e", "#ff7b72"],
  ["#0e7490", "#39c5cf"],
  ["#bf3989", "#f778ba"],
  ["#7d6a00", "#d2b94a"],
] as const;

/** Series beyond these look like earlier ones, but for their dashes. */
export const lookCount = colours.length;

const light = { ground: "#ffffff", ink: "#1f2328", quiet: "#59636e", grid: "#d8dee4" };
const dark = { ground: "#0d1117", ink: "#e6edf3", quiet: "#9198a1", grid: "#30363d" };

/** Style of charts for an element of this selector and all in it; follows the reader's choice of light or dark. */
export function chartStyle(selector: string): string {
  const [onLight, onDark] = [0, 1].map((i) => colours.map((pair, n) => `--c${n}:${pair[i]}`).join(";"));
  const variables = (palette: object) =>
    Object.entries(palette)
      .map(([name, value]) => `--${name}:${value}`)
      .join(";");
  return [
    `${selector}{${variables(light)};${onLight};color-scheme:light dark}`,
    `@media (prefers-color-scheme:dark){${selector}{${variables(dark)};${onDark}}}`,
    ".chart{font:12px system-ui,sans-serif}",
    ".chart text{fill:var(--quiet)}",
    ".chart .heading{fill:var(--ink);font-weight:600;font-size:14px}",
    ".chart .ground{fill:var(--ground)}",
    ".chart .grid{stroke:var(--grid);stroke-width:1}",
    ".chart .line{fill:none;stroke-width:2;stroke-linejoin:round}",
    ".chart .band{stroke:none;opacity:.15}",
    ".chart .whisker{stroke:var(--ink);stroke-width:1.5}",
    ".chart .thin{fill:none;stroke:var(--quiet);stroke-width:1;opacity:.45}",
    ...colours.map((_, n) => `.chart .s${n}{stroke:var(--c${n})}.chart .f${n}{fill:var(--c${n})}`),
  ].join("\n");
}
