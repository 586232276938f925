import type { CycleClock } from "@outrider/core";
import type { SessionClient } from "@outrider/transport";
import type { PluginTiming } from "./plugin-timing.ts";

/** What of a session tells whether the plugin still follows. */
export type WatchedSession = Pick<SessionClient, "ackedRev" | "ping">;

/** What a session's watch reports. */
export interface LivenessEvents {
  /** Since when it has not followed, as a sentence; empty = it follows again. */
  degraded(message: string): void;
  /** It has not followed for so long that its connection is to be given up. */
  dead(message: string): void;
}

/** Watches whether a plugin acknowledges state and answers pings. */
export interface Liveness {
  /** A snapshot of this revision was handed to the session. */
  published(rev: number): void;
  stop(): void;
}

/** Looks and pings between two deadlines, as a share of the shorter one. */
const looksPerDeadline = 4;
/** Pings between two times that a silent plugin becomes degraded: a session without state to acknowledge is asked. */
const pingShare = 2.5;

/** Degraded after `degradedMs` without an answer to what was sent, dead after `resyncMs`. */
export function watchLiveness(
  session: WatchedSession,
  timing: Pick<PluginTiming, "degradedMs" | "resyncMs">,
  clock: CycleClock,
  events: LivenessEvents,
): Liveness {
  const lookMs = timing.degradedMs / looksPerDeadline;
  let timer: unknown;
  let stopped = false;
  let publishedRev = 0;
  let ackedRev = 0;
  let ackDueSinceMs: number | undefined;
  let pingDueSinceMs: number | undefined;
  let nextPingAtMs = clock.elapsedMs() + timing.degradedMs * pingShare;
  let isDegraded = false;

  const noteAcks = (nowMs: number) => {
    if (session.ackedRev !== ackedRev) {
      ackDueSinceMs = nowMs;
      // Whoever acknowledges is alive, whatever became of the ping.
      if (pingDueSinceMs !== undefined) pingDueSinceMs = nowMs;
    }
    ackedRev = session.ackedRev;
    if (ackedRev >= publishedRev) ackDueSinceMs = undefined;
  };
  const ping = (nowMs: number) => {
    if (pingDueSinceMs !== undefined || nowMs < nextPingAtMs) return;
    pingDueSinceMs = nowMs;
    const answered = () => {
      pingDueSinceMs = undefined;
      nextPingAtMs = clock.elapsedMs() + timing.degradedMs * pingShare;
    };
    // A ping that runs out of time is asked again by nobody: until its pong or the connection's end it stays due.
    session.ping(timing.resyncMs * 2).then(answered, () => {});
  };
  const look = () => {
    const nowMs = clock.elapsedMs();
    noteAcks(nowMs);
    ping(nowMs);
    const silentMs = Math.max(nowMs - (ackDueSinceMs ?? nowMs), nowMs - (pingDueSinceMs ?? nowMs));
    if (silentMs >= timing.resyncMs) {
      events.dead(`answered nothing for ${Math.round(silentMs)} ms`);
    } else if (silentMs >= timing.degradedMs !== isDegraded) {
      isDegraded = !isDegraded;
      events.degraded(isDegraded ? `has answered nothing for ${Math.round(silentMs)} ms` : "");
    }
    if (!stopped) timer = clock.after(lookMs, look);
  };

  timer = clock.after(lookMs, look);
  return {
    published(rev) {
      const nowMs = clock.elapsedMs();
      noteAcks(nowMs);
      publishedRev = rev;
      ackDueSinceMs ??= nowMs;
    },
    stop() {
      stopped = true;
      clock.cancel(timer);
    },
  };
}
