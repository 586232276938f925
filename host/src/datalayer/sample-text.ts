/** One line of a metrics page behind the name of its family; reused from line to line. */
export interface Sample {
  /** First byte between the braces; equal to {@link labelsEnd} where the line has no labels. */
  labelsStart: number;
  /** The closing brace. */
  labelsEnd: number;
  /** The value; `NaN` also where it cannot be read. */
  value: number;
  /** Whether the line keeps to the format. */
  readable: boolean;
  /** Start of the next line. */
  next: number;
}

const newline = 10;
const tab = 9;
const carriageReturn = 13;
const space = 32;
const quote = 34;
const plus = 43;
const minus = 45;
const dot = 46;
const zero = 48;
const backslash = 92;
const letterE = 101;
const openBrace = 123;
const closeBrace = 125;

/** A sample for {@link readSample} to write to. */
export function createSample(): Sample {
  return { labelsStart: 0, labelsEnd: 0, value: Number.NaN, readable: false, next: 0 };
}

/** Whether a name that ends before this byte ends there. */
export function isNameEnd(byte: number | undefined): boolean {
  return byte === openBrace || byte === space || byte === tab;
}

/** Reads the line of a sample, `at` being the byte behind its name. What follows the value is skipped. */
export function readSample(page: Buffer, at: number, sample: Sample): void {
  const found = page.indexOf(newline, at);
  const end = found < 0 ? page.length : found;
  sample.next = found < 0 ? end : found + 1;
  sample.value = Number.NaN;
  sample.readable = false;
  const labels = skipBlanks(page, at, end);
  sample.labelsStart = sample.labelsEnd = labels;
  let from = labels;
  if (page[labels] === openBrace) {
    const closing = findClosingBrace(page, labels + 1, end);
    if (closing < 0 || closing - labels > maxLabelBytes) return;
    sample.labelsStart = labels + 1;
    sample.labelsEnd = closing;
    from = skipBlanks(page, closing + 1, end);
  }
  let to = from;
  while (to < end && !isBlank(page[to])) to++;
  readValue(page, from, to, sample);
}

const label = /[ \t,]*(?:([a-zA-Z_][a-zA-Z0-9_]*)[ \t]*=[ \t]*"((?:[^"\\]|\\.)*)"[ \t]*(?=,|$)|$)/y;

/** Labels between two braces, escapes resolved; `undefined` where they break the format. */
export function readLabels(page: Buffer, start: number, end: number): ReadonlyMap<string, string> | undefined {
  const text = page.toString("utf8", start, end);
  const labels = new Map<string, string>();
  label.lastIndex = 0;
  while (label.lastIndex < text.length) {
    const match = label.exec(text);
    if (match === null) return undefined;
    if (match[1] !== undefined) labels.set(match[1], match[2].replaceAll(/\\(.)/g, resolveEscape));
  }
  return labels;
}

function resolveEscape(_: string, escaped: string): string {
  return escaped === "n" ? "\n" : escaped;
}

/** Labels longer than this break the format: no server writes them, and taking them apart is dear. */
const maxLabelBytes = 65_536;

/** The closing brace outside of quotes; -1 where the line has none. */
function findClosingBrace(page: Buffer, start: number, end: number): number {
  let quoted = false;
  for (let at = start; at < end; at++) {
    const byte = page[at];
    if (byte === quote) quoted = !quoted;
    else if (byte === backslash && quoted) at++;
    else if (byte === closeBrace && !quoted) return at;
  }
  return -1;
}

/** A double holds every number of so many digits, and every power of ten in the table: their quotient is exact. */
const exactDigits = 15;
const powersOfTen = Float64Array.from({ length: 23 }, (_, exponent) => 10 ** exponent);

function readValue(page: Buffer, from: number, to: number, sample: Sample): void {
  let at = isSign(page[from]) ? from + 1 : from;
  let mantissa = 0;
  let digits = 0;
  let decimals = -1;
  for (; at < to; at++) {
    const byte = page[at];
    if (isDigit(byte)) {
      mantissa = mantissa * 10 + byte - zero;
      digits++;
      if (decimals >= 0) decimals++;
    } else if (byte === dot && decimals < 0) decimals = 0;
    else break;
  }
  const exponentAt = at < to && (page[at] | 0x20) === letterE ? at : to;
  if (digits === 0 || at !== exponentAt || !isExponent(page, exponentAt, to)) readName(page, from, to, sample);
  else {
    const exponent = readExponent(page, exponentAt, to) - Math.max(decimals, 0);
    const isExact = digits <= exactDigits && Math.abs(exponent) < powersOfTen.length;
    const value = isExact ? scale(mantissa, exponent) : Math.abs(Number(page.toString("latin1", from, to)));
    sample.value = page[from] === minus ? -value : value;
    sample.readable = true;
  }
}

function scale(mantissa: number, exponent: number): number {
  return exponent < 0 ? mantissa / powersOfTen[-exponent] : mantissa * powersOfTen[exponent];
}

/** Whether the bytes from the `e` on are an exponent, or none at all. */
function isExponent(page: Buffer, at: number, to: number): boolean {
  if (at === to) return true;
  let digit = isSign(page[at + 1]) ? at + 2 : at + 1;
  if (digit >= to) return false;
  while (digit < to && isDigit(page[digit])) digit++;
  return digit === to;
}

function readExponent(page: Buffer, at: number, to: number): number {
  let exponent = 0;
  for (let i = at + 1; i < to; i++) if (isDigit(page[i])) exponent = exponent * 10 + page[i] - zero;
  return page[at + 1] === minus ? -exponent : exponent;
}

const named: Readonly<Record<string, number>> = {
  nan: Number.NaN,
  "+inf": Infinity,
  inf: Infinity,
  "-inf": -Infinity,
};

/** The values that are words; anything else cannot be read. */
function readName(page: Buffer, from: number, to: number, sample: Sample): void {
  if (to - from > 4) return;
  const name = page.toString("latin1", from, to).toLowerCase();
  if (!Object.hasOwn(named, name)) return;
  sample.value = named[name];
  sample.readable = true;
}

function isSign(byte: number | undefined): boolean {
  return byte === minus || byte === plus;
}

function isDigit(byte: number): boolean {
  return byte >= zero && byte <= zero + 9;
}

function skipBlanks(page: Buffer, from: number, end: number): number {
  let at = from;
  while (at < end && isBlank(page[at])) at++;
  return at;
}

function isBlank(byte: number): boolean {
  return byte === space || byte === tab || byte === carriageReturn;
}
