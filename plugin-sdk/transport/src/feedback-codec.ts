import { create } from "@bufbuild/protobuf";
import type { DoneCause, DoneEvent, FeedbackEvent } from "@outrider/core/contract";
import { FeedbackEventSchema, type FeedbackEvent as WireEvent } from "@outrider/protos/scorer";
import type { InstanceEvent } from "./session-types.ts";
import { toUint } from "./transmitted-event.ts";

/** An event as it travels. */
export function toWireEvent({ instance, event }: InstanceEvent): WireEvent {
  const { callId, slot, atMs } = event;
  return create(FeedbackEventSchema, { callId: callId >>> 0, slot, instance, atMs, event: toOneof(event) });
}

function toOneof(event: FeedbackEvent) {
  switch (event.kind) {
    case "picked": {
      const { ownScore, totalScore, fallback, promptTokens, picks } = event;
      const own = Number.isNaN(ownScore) ? {} : { ownScore };
      const value = {
        ...own,
        totalScore,
        fallback,
        promptTokens,
        picks: picks.map(({ profile, slot }) => ({ profile, slot })),
      };
      return { case: "picked", value } as const;
    }
    case "headers": {
      const { status, ttfbUs, headers } = event;
      return { case: "headers", value: { status, ttfbUs: toUint(ttfbUs), headers } } as const;
    }
    case "progress": {
      const { chunks, outputTokens, elapsedMs } = event;
      return { case: "progress", value: { chunks, outputTokens, elapsedMs: toUint(elapsedMs) } } as const;
    }
    case "done": {
      const { cause, status, promptTokens, cachedTokens, outputTokens } = event;
      const times = { ttftUs: toUint(event.ttftUs), e2eMs: toUint(event.e2eMs) };
      const counts = { promptTokens, cachedTokens, outputTokens, ...times };
      return { case: "done", value: { cause, status, ...counts, ...toWireHashes(event) } } as const;
    }
  }
}

/** An event as instances get it; `undefined` for a kind that is not known here. */
export function fromWireEvent({ callId, slot, atMs, event }: WireEvent): FeedbackEvent | undefined {
  const common = { callId, slot, atMs };
  switch (event.case) {
    case "picked": {
      const { ownScore = Number.NaN, totalScore, fallback, promptTokens } = event.value;
      const picks = event.value.picks.map(({ profile, slot }) => ({ profile, slot }));
      return { kind: "picked", ...common, ownScore, totalScore, fallback, promptTokens, picks };
    }
    case "headers": {
      const { status, ttfbUs, headers } = event.value;
      return { kind: "headers", ...common, status, ttfbUs, headers };
    }
    case "progress": {
      const { chunks, outputTokens, elapsedMs } = event.value;
      return { kind: "progress", ...common, chunks, outputTokens, elapsedMs };
    }
    case "done": {
      const { status, promptTokens, cachedTokens, outputTokens, ttftUs, e2eMs } = event.value;
      const cause = toCause(event.value.cause);
      const counts = { promptTokens, cachedTokens, outputTokens, ttftUs, e2eMs };
      return { kind: "done", ...common, cause, status, ...counts, ...fromWireHashes(event.value.blockHashesU64le) };
    }
    case undefined:
      return undefined;
  }
}

const bytesPerHash = 8;

function toWireHashes({ blockHashes }: DoneEvent): { readonly blockHashesU64le?: Uint8Array<ArrayBuffer> } {
  return blockHashes === undefined ? {} : { blockHashesU64le: new Uint8Array(new Uint32Array(blockHashes).buffer) };
}

/** A copy, aligned; of a broken length the hashes that are whole. */
function fromWireHashes(bytes: Uint8Array): Pick<DoneEvent, "blockHashes"> {
  const length = bytes.length - (bytes.length % bytesPerHash);
  return length === 0 ? {} : { blockHashes: new Uint32Array(new Uint8Array(bytes.subarray(0, length)).buffer) };
}

const causes: readonly string[] = [
  "ok",
  "client_cancelled",
  "upstream_error",
  "never_sent",
  "evicted",
  "unknown",
] satisfies DoneCause[];

function toCause(cause: string): DoneCause {
  return causes.includes(cause) ? (cause as DoneCause) : "unknown";
}
