import { fstatSync } from "node:fs";
import { plugins } from "./plugins.ts";
import { serveSession } from "./serve-session.ts";
import { serveUnary } from "./serve-unary.ts";

const parts = plugins[process.argv[2] ?? ""]?.parts;
if (parts === undefined) throw new Error(`no plugin is called "${process.argv[2]}"`);
const { OUTRIDER_PLUGIN_SOCKET: socketPath = "", OUTRIDER_PLUGIN_TOKEN: token = "", PORT: port = "0" } = process.env;

parts.process.start?.();
process.on("SIGTERM", () => parts.process.onTerminate(() => process.exit(0)));
// Behind a guard the standard input is empty from the start, which says nothing.
if (parts.process.endsWithInput && fstatSync(0).isSocket()) process.stdin.resume().once("end", () => process.exit(0));
if (parts.process.listens) {
  if (parts.served === "session") serveSession(parts, socketPath, token);
  else serveUnary(parts, Number(port), token);
} else setInterval(() => {}, 1_000);
