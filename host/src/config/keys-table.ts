import { columnKeys, dataKeys, type KeySpec, needKeys } from "@outrider/core/contract";
import { renderTable, type Tables } from "../markdown.ts";

const sources: Readonly<Record<KeySpec["source"], string>> = {
  scraped: "scraped from the model server",
  host: "the host: what it has sent",
  producer: "producers, per candidate and request",
};

const grants: Readonly<Record<"always" | "asked" | "operator", string>> = {
  always: "always there",
  asked: "by asking",
  operator: "by the operator's `grant:` alone",
};

/** Tables of the page on configuration. */
export const keyTables: Tables = {
  "column keys": () => renderKeys({ ...columnKeys, ...dataKeys }),
  "need keys": renderNeeds,
};

/** Columns and data that a plugin may read, as a Markdown table. */
function renderKeys(keys: Readonly<Record<string, KeySpec>>): string {
  const rows = Object.entries(keys).map(([key, { unit, source, about }]) => [
    `\`${key}\``,
    unit,
    sources[source],
    about,
  ]);
  return renderTable(["key", "unit", "from", "what it is"], rows);
}

/** Facts and events that a plugin may ask for, as a Markdown table. */
function renderNeeds(): string {
  const rows = Object.entries(needKeys).map(([key, { grant, about }]) => [`\`${key}\``, grants[grant], about]);
  return renderTable(["key", "granted", "what it is"], rows);
}
