import { renderTable, type Tables } from "../markdown.ts";
import { inertFlags, serveFlags } from "./serve-flags.ts";

/** Tables of the page on running the host. */
export const flagTables: Tables = {
  flags: renderFlags,
  "flags without effect": () =>
    renderTable(
      ["flag", "why"],
      inertFlags.map(({ name, reason }) => [`\`--${name}\``, reason]),
    ),
};

/** Flags of `outrider serve`, those of a group together. */
function renderFlags(): string {
  const groups = Map.groupBy(serveFlags, ({ group }) => group);
  const rows = [...groups].flatMap(([group, flags]) =>
    flags.map(({ name, value, about, default: preset }, i) => [
      i === 0 ? `**${group.replace(/:$/, "")}**` : "",
      `\`--${name}${value === "" ? "" : ` ${value}`}\``,
      preset === undefined ? "" : `\`${preset}\``,
      about,
    ]),
  );
  return renderTable(["", "flag", "default", "what it says"], rows);
}
