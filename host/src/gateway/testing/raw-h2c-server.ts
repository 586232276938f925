import type { Socket } from "node:net";
import { openBareServer } from "./model-server.ts";

/** Types of frames (RFC 9113, 6). */
const frameTypes = { data: 0, headers: 1, reset: 3, settings: 4, goaway: 7 } as const;

const prefaceBytes = 24;
const frameHeaderBytes = 9;
const endHeaders = 4;
/** `:status: 200`, from the static table of HPACK. */
const okHeaders = Buffer.of(0x88);

/** What a {@link openRawH2cServer raw server} can send that a library would not. */
export interface RawH2cConnection {
  /** Answers a stream with status 200 and some bytes, and does not end it. */
  respond(streamId: number, text: string): void;
  /** Resets a stream. */
  reset(streamId: number, code: number): void;
  /** Takes no streams behind `lastStreamId`; those are refused. */
  goAway(lastStreamId: number): void;
}

/** A server of bare HTTP/2 frames. @param onStream called with each stream that begins. */
export function openRawH2cServer(onStream: (connection: RawH2cConnection, streamId: number) => void) {
  return openBareServer((socket) => {
    const connection: RawH2cConnection = {
      respond(streamId, text) {
        send(socket, frameTypes.headers, endHeaders, streamId, okHeaders);
        send(socket, frameTypes.data, 0, streamId, Buffer.from(text));
      },
      reset: (streamId, code) => send(socket, frameTypes.reset, 0, streamId, uint32s(code)),
      goAway: (lastStreamId) => send(socket, frameTypes.goaway, 0, 0, uint32s(lastStreamId, 0)),
    };
    send(socket, frameTypes.settings, 0, 0, Buffer.alloc(0));
    let unread: Buffer = Buffer.alloc(0);
    let skip = prefaceBytes;
    socket.on("data", (chunk: Buffer) => {
      unread = Buffer.concat([unread, chunk]);
      if (unread.length < skip) return;
      unread = unread.subarray(skip);
      skip = 0;
      while (unread.length >= frameHeaderBytes) {
        const end = frameHeaderBytes + unread.readUIntBE(0, 3);
        if (unread.length < end) return;
        const [type, streamId] = [unread[3], unread.readUInt32BE(5)];
        unread = unread.subarray(end);
        if (type === frameTypes.headers) onStream(connection, streamId);
      }
    });
  });
}

function send(socket: Socket, type: number, flags: number, streamId: number, payload: Buffer): void {
  const header = Buffer.alloc(frameHeaderBytes);
  header.writeUIntBE(payload.length, 0, 3);
  header[3] = type;
  header[4] = flags;
  header.writeUInt32BE(streamId, 5);
  socket.write(Buffer.concat([header, payload]));
}

function uint32s(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [i, value] of values.entries()) bytes.writeUInt32BE(value, 4 * i);
  return bytes;
}
