import { isNameEnd } from "./sample-text.ts";

/** Where the families of interest stand on the pages of one endpoint. */
export interface PageLayout {
  /**
   * Finds the families on a page.
   * @returns per family, in the order of the names, the starts of its groups of lines; only valid until the next call.
   */
  locate(page: Buffer): readonly (readonly number[])[];
}

const newline = 10;

/** Pages in a row that are found by memory. */
const pagesByMemory = 15;
/** Bytes that a page may differ in length from the one walked; most of the families then stand almost where they did. */
const lengthSlack = 256;
/** Bytes behind the remembered start where a family is still sought; before it, {@link lengthSlack}. */
const reach = 1_024;

/**
 * A page is 54 kB, its families of interest a few lines that stand almost where they stood 50 ms ago. So most pages are
 * read there only; each sixteenth, and each whose length jumps, is walked line by line. A page that tears a family
 * apart is always walked.
 */
export function createPageLayout(names: readonly string[]): PageLayout {
  const families = names.map(toFamily);
  const starts = families.map(({ starts }) => starts);
  const familyAt = createDispatch(families);
  let walkedLength = -Infinity;
  let byMemory = 0;
  return {
    locate(page) {
      const similar = Math.abs(page.length - walkedLength) <= lengthSlack;
      if (similar && byMemory < pagesByMemory && findAll(families, page)) {
        byMemory += 1;
        return starts;
      }
      for (const { starts } of families) starts.length = 0;
      walk(familyAt, page);
      byMemory = 0;
      walkedLength = families.some(({ starts }) => starts.length > 1) ? -Infinity : page.length;
      return starts;
    },
  };
}

/** Whether a line with this family's name starts at `at`. */
export function startsWithName(page: Buffer, at: number, name: Buffer): boolean {
  if (!isNameEnd(page[at + name.length])) return false;
  for (let i = 0; i < name.length; i++) if (page[at + i] !== name[i]) return false;
  return true;
}

interface Family {
  readonly name: Buffer;
  /** Its name behind a line end: how {@link find} seeks it. */
  readonly needle: Buffer;
  readonly starts: number[];
}

function toFamily(name: string): Family {
  return { name: Buffer.from(name), needle: Buffer.from(`\n${name}`), starts: [] };
}

/** Finds the first line of each family that was there before; false where one is not near where it stood. */
function findAll(families: readonly Family[], page: Buffer): boolean {
  let shift = 0;
  for (const family of families) {
    const remembered = family.starts[0];
    if (remembered === undefined) continue;
    const start = find(family, page, remembered, shift);
    if (start < 0) return false;
    shift = start - remembered;
    family.starts[0] = start;
  }
  return true;
}

/** Start of a family's first line, tried first where it stands if all of the page moved by `shift`; -1 = not near. */
function find({ name, needle }: Family, page: Buffer, remembered: number, shift: number): number {
  let start = remembered + shift;
  if (start < 1 || page[start - 1] !== newline || !startsWithName(page, start, name)) {
    let lineEnd = page.indexOf(needle, Math.max(0, remembered - lengthSlack));
    while (lineEnd >= 0 && !isNameEnd(page[lineEnd + needle.length])) lineEnd = page.indexOf(needle, lineEnd + 1);
    if (lineEnd < 0 || lineEnd > remembered + reach) return -1;
    start = lineEnd + 1;
  }
  const lineBefore = start < 2 ? 0 : page.lastIndexOf(newline, start - 2) + 1;
  return startsWithName(page, lineBefore, name) ? -1 : start;
}

/** Notes where groups of lines with a family's name start. */
function walk(familyAt: Dispatch, page: Buffer): void {
  let last: Family | undefined;
  for (let at = 0; at < page.length; ) {
    const family = familyAt(page, at);
    if (family !== undefined && family !== last) family.starts.push(at);
    last = family;
    const end = page.indexOf(newline, at);
    at = end < 0 ? page.length : end + 1;
  }
}

/** Family of the line that starts at `at`, if it is of interest. */
type Dispatch = (page: Buffer, at: number) => Family | undefined;

/** Sorts most lines out by two bytes: the first, and the one behind what all names with that first byte share. */
function createDispatch(families: readonly Family[]): Dispatch {
  const groups = Array.from({ length: 256 }, (_, first) => toGroup(families.filter(({ name }) => name[0] === first)));
  return (page, at) => {
    const group = groups[page[at]];
    const members = group?.members[page[at + group.shared]];
    if (members === undefined) return undefined;
    for (const family of members) if (startsWithName(page, at, family.name)) return family;
    return undefined;
  };
}

/** Families with one first byte, by the byte behind their shared start. */
interface Group {
  readonly shared: number;
  readonly members: readonly (readonly Family[] | undefined)[];
}

function toGroup(families: readonly Family[]): Group | undefined {
  if (families.length === 0) return undefined;
  const names = families.map(({ name }) => name);
  const shortest = Math.min(...names.map((name) => name.length)) - 1;
  let shared = 0;
  while (shared < shortest && names.every((name) => name[shared] === names[0][shared])) shared++;
  const members = Array.from({ length: 256 }, (_, byte) => {
    const some = families.filter(({ name }) => name[shared] === byte);
    return some.length > 0 ? some : undefined;
  });
  return { shared, members };
}
