import { createUnaryClient, type UnaryTarget } from "@outrider/transport";
import { linkBasic } from "./basic-link.ts";
import { toHello } from "./negotiate.ts";
import type { LinkContext, PluginLink } from "./plugin-link.ts";
import { linkSession } from "./session-link.ts";

/** Connections to one plugin at most, and so calls in flight: one more is shed and waits in no queue. */
const connections = 16;

/**
 * Opens a plugin that serves unary calls, in the profile that its handshake says: replicated, or basic where it has none.
 * @throws {OutriderError} `PLUGIN_REJECTED` when no configured plugin can be served so; `SCORER_UNAVAILABLE`,
 *   `SCORER_DEADLINE`.
 */
export async function openUnaryLink(context: LinkContext, target: UnaryTarget): Promise<PluginLink> {
  const client = createUnaryClient(target, {
    token: () => context.token,
    connections,
    tap: { isUsed: () => context.isTapped(), show: (direction, message) => context.frame(direction, message) },
    violation: (error, answer) => context.violation(error, answer),
    answered: ({ name }, times, isLate) => {
      const entry = context.entries.find(({ spec }) => spec.name === name);
      if (entry !== undefined) context.answered(entry, times, isLate);
    },
  });
  const close = () => void client.close();
  context.signal.addEventListener("abort", close, { once: true });
  try {
    for (const entry of context.entries) entry.move("handshaking");
    await client.connect(context.timing.connectMs);
    const found = await client.handshake(toHello(context), context.timing.handshakeMs);
    if (found.kind === "basic") return linkBasic(context, client);
    return await linkSession(context, "replicated", (options) => client.replicate(found.hello, options));
  } catch (cause) {
    close();
    throw cause;
  } finally {
    context.signal.removeEventListener("abort", close);
  }
}
