import { create } from "@bufbuild/protobuf";
import { Code, ConnectError, type HandlerContext, type ServiceImpl } from "@connectrpc/connect";
import { OutriderError } from "@outrider/core/contract";
import type { AdminService, WatchFramesRequest } from "@outrider/protos/admin";
import { RecordSchema } from "@outrider/protos/record";
import type { FrameListener, PluginGenerations } from "../plugins/types.ts";
import type { RecordingHeader } from "../record/recording-header.ts";
import { createFrameFeed } from "./frame-feed.ts";

/** What the procedures do it with. */
export interface PluginControl extends Pick<PluginGenerations, "upgrade" | "release"> {
  tap(listener: FrameListener): () => void;
  /** Of a recording that begins now. */
  header(): RecordingHeader;
}

/** Whether a plugin, or a process, of that name is configured. */
export type IsKnown = (name: string) => boolean;

/** Procedures that change plugins or listen to them. */
export function createPluginProcedures(
  plugins: PluginControl,
  isKnown: IsKnown,
): Pick<ServiceImpl<typeof AdminService>, "upgradePlugin" | "releasePlugin" | "watchFrames"> {
  return {
    async upgradePlugin({ name }) {
      checkName(name, isKnown);
      const { name: process, calls, agreement, ...rest } = await plugins.upgrade(name).catch(toConnectError);
      return {
        process,
        generation: rest.generation,
        shadowCalls: calls,
        ...(Number.isNaN(agreement) ? {} : { agreement }),
        ...(rest.before === undefined ? {} : { before: rest.before }),
        ...(rest.after === undefined ? {} : { after: rest.after }),
      };
    },
    releasePlugin({ name }) {
      checkName(name, isKnown);
      if (plugins.release(name)) return {};
      throw new ConnectError(`${name} is neither quarantined nor failed`, Code.FailedPrecondition);
    },
    watchFrames(request, context) {
      for (const name of request.processes) checkName(name, isKnown);
      return watchFrames(request, context, plugins);
    },
  };
}

async function* watchFrames(
  { processes, limit }: WatchFramesRequest,
  { signal }: HandlerContext,
  plugins: PluginControl,
) {
  const feed = createFrameFeed((listener) => plugins.tap(listener), processes);
  const end = () => feed.end();
  signal.addEventListener("abort", end, { once: true });
  try {
    const header = create(RecordSchema, { entry: { case: "header", value: plugins.header() } });
    yield { record: header, dropped: 0 };
    let left = limit === 0 ? Number.POSITIVE_INFINITY : limit;
    for (let records = await feed.next(); records.length > 0; records = await feed.next()) {
      for (const record of records.slice(0, left)) yield { record, dropped: feed.dropped };
      left -= records.length;
      if (left <= 0) return;
    }
  } finally {
    feed.end();
  }
}

function checkName(name: string, isKnown: IsKnown): void {
  if (isKnown(name)) return;
  throw new ConnectError(`there is no plugin or process ${JSON.stringify(name.slice(0, 100))}`, Code.NotFound);
}

function toConnectError(cause: unknown): never {
  if (!(cause instanceof OutriderError)) throw cause;
  throw new ConnectError(`${cause.code}: ${cause.message}`, Code.FailedPrecondition);
}
