import { columnKeys, dataKeys, type KeySpec, type Need } from "@outrider/core/contract";
import type { NumberedKey } from "@outrider/transport";

/** A column as the handshake and the configuration name it. */
export interface NamedColumn extends NumberedKey {
  readonly unit: string;
}

const known: Readonly<Record<string, KeySpec>> = { ...columnKeys, ...dataKeys };

/** Numbers of columns and data on one connection: from 1, in the order they are first asked for. */
export class KeyNumbers {
  readonly #ids = new Map<string, number>();

  /** The key with its number and unit; a key that the host does not measure has no unit. */
  column(key: string): NamedColumn {
    const id = this.#ids.get(key) ?? this.#ids.size + 1;
    this.#ids.set(key, id);
    const unit = Object.hasOwn(known, key) ? known[key]!.unit : "";
    return { id, key, unit };
  }
}

/** Keys of columns among needs. */
export function columnsOf(needs: readonly Need[]): readonly string[] {
  return needs.map(({ key }) => key).filter(isColumn);
}

/** Keys of data among needs. */
export function dataOf(needs: readonly Need[]): readonly string[] {
  return needs.map(({ key }) => key).filter((key) => key.startsWith("data."));
}

function isColumn(key: string): boolean {
  return Object.hasOwn(columnKeys, key) || key.startsWith("metric.") || key.startsWith("rate.");
}
