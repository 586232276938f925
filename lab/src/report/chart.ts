/** One value of a series; `null` breaks a line. */
export interface ChartPoint {
  /** Position; in a chart of bars the index of its category. */
  readonly x: number;
  readonly y: number | null;
  /** Ends of an interval around `y`, if it has one. */
  readonly low?: number;
  readonly high?: number;
}

/** Values that belong together: a policy, a server. */
export interface ChartSeries {
  readonly name: string;
  /** Which colour and mark: series of one number look alike. */
  readonly look: number;
  /** Whether its line is dashed: what is believed, beside what is. */
  readonly dashed: boolean;
  readonly points: readonly ChartPoint[];
}

/** An axis of numbers. */
export interface ChartAxis {
  /** What it measures, with its unit, `TTFT in ms`. */
  readonly label: string;
  readonly scale: "linear" | "log";
  /** Ends at least there, so that charts beside each other compare; default: where the values end. */
  readonly upTo?: number;
}

/** A chart as data: what a page, an SVG file and a table are made of. */
export interface Chart {
  /** Names its files and the element that holds its data: letters, digits and hyphens. */
  readonly id: string;
  readonly title: string;
  /** What is shown, of which requests, and what to know of it. */
  readonly description: string;
  /** `swarm`: lines that are not told apart, such as those of many servers; a mean stands out. */
  readonly kind: "lines" | "swarm" | "bars";
  readonly x: ChartAxis;
  readonly y: ChartAxis;
  /** Names along x of a chart of bars; empty for the others. */
  readonly categories: readonly string[];
  readonly series: readonly ChartSeries[];
}

/** Whether a chart has a value at all. */
export function hasValues({ series }: Chart): boolean {
  return series.some(({ points }) => points.some(({ y }) => y !== null));
}
