/** Attributes of an element; what is `undefined` is left out. */
export type Attributes = Readonly<Record<string, string | number | undefined>>;

/** An element as markup; its content is markup already, see {@link text}. */
export function element(name: string, attributes: Attributes, ...content: readonly string[]): string {
  const pairs = Object.entries(attributes)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${key}="${text(typeof value === "number" ? short(value) : String(value))}"`);
  return `<${name}${pairs.join("")}>${content.join("")}</${name}>`;
}

/** Text made safe for markup, quotes included; what no XML may hold is replaced. */
export function text(raw: string): string {
  return raw
    .toWellFormed()
    .replaceAll(/[\p{Cc}\ufffe\uffff]/gu, (sign) => ("\t\n\r".includes(sign) ? sign : "\ufffd"))
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}

/** A coordinate to a hundredth. */
export function short(value: number): string {
  return String(Math.round(value * 100) / 100);
}
