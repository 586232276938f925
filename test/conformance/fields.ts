import { NotApplicable } from "./verdict.ts";

/** Whether a value is an object with names. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Named values of a case; what is not as an adapter expects makes the case not applicable, never a failure. */
export class Fields {
  readonly values: Readonly<Record<string, unknown>>;
  readonly #where: string;

  /** @param where how messages name the object, such as `given`. */
  constructor(values: Readonly<Record<string, unknown>>, where: string) {
    this.values = values;
    this.#where = where;
  }

  /** Whether the field is there and not `null`. */
  has(key: string): boolean {
    return this.values[key] !== undefined && this.values[key] !== null;
  }

  string(key: string): string {
    const value = this.values[key];
    return typeof value === "string" ? value : this.#refuse(key, "a string");
  }

  number(key: string): number {
    const value = this.values[key];
    return typeof value === "number" ? value : this.#refuse(key, "a number");
  }

  /** @param fallback where the field is absent or `null`; without one it must be there. */
  boolean(key: string, fallback?: boolean): boolean {
    if (fallback !== undefined && !this.has(key)) return fallback;
    const value = this.values[key];
    return typeof value === "boolean" ? value : this.#refuse(key, "true or false");
  }

  /** The object in a field; empty where absent or `null`. */
  object(key: string): Fields {
    const value = this.values[key] ?? {};
    return isRecord(value) ? new Fields(value, `${this.#where}.${key}`) : this.#refuse(key, "an object");
  }

  /** Entries of an object whose values are all text. */
  strings(key: string): Readonly<Record<string, string>> {
    const { values } = this.object(key);
    if (!Object.values(values).every((value) => typeof value === "string")) this.#refuse(key, "an object of strings");
    return values as Readonly<Record<string, string>>;
  }

  /** The list in a field; empty where absent or `null`. */
  list(key: string): readonly unknown[] {
    const value = this.values[key] ?? [];
    return Array.isArray(value) ? value : this.#refuse(key, "a list");
  }

  texts(key: string): readonly string[] {
    const list = this.list(key);
    return list.every((entry) => typeof entry === "string") ? list : this.#refuse(key, "a list of strings");
  }

  /** Objects of a list. */
  objects(key: string): readonly Fields[] {
    return this.list(key).map((entry, i) =>
      isRecord(entry) ? new Fields(entry, `${this.#where}.${key}[${i}]`) : this.#refuse(key, "a list of objects"),
    );
  }

  /** Names of fields that are not among those given. */
  unknown(known: readonly string[]): readonly string[] {
    return Object.keys(this.values).filter((key) => !known.includes(key));
  }

  #refuse(key: string, wanted: string): never {
    const found = JSON.stringify(this.values[key]) ?? "absent";
    throw new NotApplicable("unknown fields", `${this.#where}.${key} is ${found.slice(0, 80)}, not ${wanted}`);
  }
}
