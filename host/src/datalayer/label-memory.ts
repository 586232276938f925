import { readLabels } from "./sample-text.ts";

/** The labels of a family's lines, taken apart only where their bytes changed since the last page. */
export interface LabelMemory {
  /** Reads the labels of the `index`-th line. */
  read(page: Buffer, index: number, start: number, end: number): void;
  /** Whether labels differ from those of the last call; asked once a page, when its `count` lines are read. */
  changed(count: number): boolean;
  /** Labels of the `index`-th line. */
  labelsOf(index: number): ReadonlyMap<string, string> | undefined;
  /** One label of every line; `undefined` where a line lacks it. */
  values(label: string): (string | undefined)[];
}

/** Remembers the lines of one family. */
export function createLabelMemory(): LabelMemory {
  const lines: { readonly bytes: Buffer; readonly labels: ReadonlyMap<string, string> }[] = [];
  let dirty = false;
  return {
    read(page, index, start, end) {
      const known = lines[index]?.bytes;
      if (known?.compare(page, start, end) === 0) return;
      lines[index] = {
        bytes: Buffer.from(page.subarray(start, end)),
        labels: readLabels(page, start, end) ?? new Map(),
      };
      dirty = true;
    },
    changed(count) {
      const differs = dirty || lines.length !== count;
      lines.length = count;
      dirty = false;
      return differs;
    },
    labelsOf: (index) => lines[index]?.labels,
    values: (label) => lines.map(({ labels }) => labels.get(label)),
  };
}
