import { OutriderError } from "@outrider/core/contract";
import { createSession, type SessionClient, type SessionEnd, type SessionOptions } from "@outrider/transport";
import { createPluginServer, type PluginServer } from "../plugin-server.ts";
import { toOpener } from "./open-plugin.ts";
import { openOverSession, testSession } from "./over-session.ts";

/** In this process, behind its wire form: every call, state and answer is encoded and decoded, no socket is opened. */
export const loopback = toOpener(async (definition, parameters) => {
  const clock = () => performance.now();
  const definitions = [definition];
  const options = { definitions, name: definition.type, version: "0.0.0", bootId: "loopback", clock, log: () => {} };
  const broken: OutriderError[] = [];
  const session = connectLoopback(createPluginServer(options), testSession("", broken));
  return openOverSession(session, definition, parameters, broken, async () => {});
});

/** A session whose bytes go to a plugin in the same process and back, each after the code that sent them. */
export function connectLoopback(server: PluginServer, options: SessionOptions): SessionClient {
  const host: { end?: SessionEnd } = {};
  const plugin = server.connect({
    write: (frame) => queueMicrotask(() => host.end?.received(Buffer.from(frame))),
    end: (code, message) =>
      queueMicrotask(() => host.end?.lost(new OutriderError("SCORER_UNAVAILABLE", `${code}: ${message}`))),
  });
  host.end = createSession(
    {
      write(bytes) {
        queueMicrotask(() => plugin.received(Buffer.from(bytes)));
        return true;
      },
      close: () => plugin.closed(),
    },
    options,
  );
  return host.end.client;
}
