const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** Longest label value that comes from a request, in bytes of UTF-8. */
export const maxLabelBytes = 64;

/** Stands for all values past the limit of a {@link LabelBudget}. */
export const otherLabel = "other";

/**
 * A value from outside as a metric label: valid UTF-8 without control characters, at most {@link maxLabelBytes} long.
 * Costs the same however long the value is. What is replaced is U+FFFD; what is cut ends in `…`.
 */
export function labelValue(value: string | Uint8Array): string {
  const text = typeof value === "string" ? value.slice(0, maxLabelBytes + 1) : decoder.decode(head(value));
  const clean = text.toWellFormed().replaceAll(/\p{Cc}/gu, "\ufffd");
  return encoder.encode(clean).length <= maxLabelBytes ? clean : shorten(clean);
}

/** As much of the bytes as can matter. */
function head(bytes: Uint8Array): Uint8Array {
  return bytes.subarray(0, maxLabelBytes + 4);
}

function shorten(text: string): string {
  const room = new Uint8Array(maxLabelBytes - encoder.encode("…").length);
  const { read } = encoder.encodeInto(text, room);
  return `${text.slice(0, read)}…`;
}

/** Bounds how many values a label takes, since each makes series that never go away. */
export interface LabelBudget {
  /** The cleaned value, or {@link otherLabel} where there are as many different ones as allowed. */
  admit(value: string | Uint8Array): string;
}

/** @param maxValues different values admitted, ≥ 1. */
export function createLabelBudget(maxValues: number): LabelBudget {
  const admitted = new Set<string>();
  return {
    admit(value) {
      const label = labelValue(value);
      if (admitted.has(label)) return label;
      if (admitted.size >= maxValues) return otherLabel;
      admitted.add(label);
      return label;
    },
  };
}
