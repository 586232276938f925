import { fromBinary } from "@bufbuild/protobuf";
import type { OutriderError } from "@outrider/core/contract";
import { type SessionRequest, SessionRequestSchema } from "@outrider/protos/scorer";
import { createFrameDecoder, encodeFrame } from "../grpc-frames.ts";
import { createSession } from "../session-client.ts";
import { encodeResponse, type ResponseFrame } from "../session-frames.ts";
import type { SessionClient, SessionOptions, WireInstance } from "../session-types.ts";

/** A frame of the host, taken apart. */
export type HostFrame = SessionRequest["frame"];

/** Session of a host with a plugin that does what a test tells it. */
export interface ScriptedPlugin {
  /** The host's side. */
  readonly client: SessionClient;
  /** What the host has sent, in order. */
  readonly frames: HostFrame[];
  /** What the session has told its owner, as `violation CODE: message`, `late 7` and so on. */
  readonly told: string[];
  /** Calls answered in time, `isWhole` where the times of it fit together. */
  readonly answered: { readonly callId: number; readonly isWhole: boolean; readonly pluginUs: number }[];
  /** Sends a frame. */
  send(frame: ResponseFrame): void;
  /** Sends a message as it is. */
  sendMessage(message: Uint8Array): void;
  /** Sends bytes that need not be whole frames. */
  sendBytes(bytes: Buffer): void;
  /** Says whether the stream takes more; turning it on wakes the session. */
  setWritable(isWritable: boolean): void;
  /** Loses the connection. */
  lose(error: OutriderError): void;
  /** Whether the session has closed its stream. */
  isClosed(): boolean;
}

/** Epoch of scripted sessions. */
export const scriptedEpoch = 77;

/** An instance that is granted all that is always granted. */
export const scriptedInstance: WireInstance = { id: 1, name: "mine", granted: [], data: [], produces: [] };

/** Opens a session over memory. */
export function createScriptedPlugin(options: Partial<SessionOptions> = {}): ScriptedPlugin {
  const frames: HostFrame[] = [];
  const told: string[] = [];
  const answered: ScriptedPlugin["answered"] = [];
  const decoder = createFrameDecoder((message) => frames.push(fromBinary(SessionRequestSchema, message).frame));
  let isWritable = true;
  let isClosed = false;
  const channel = {
    write(bytes: Uint8Array) {
      decoder.push(Buffer.from(bytes));
      return isWritable;
    },
    close() {
      isClosed = true;
    },
  };
  const session = createSession(channel, {
    token: "",
    epoch: scriptedEpoch,
    events: recordEvents(told, answered),
    ...options,
  });
  return {
    client: session.client,
    frames,
    told,
    answered,
    send: (frame) => session.received(encodeResponse(frame)),
    sendMessage: (message) => session.received(encodeFrame(message)),
    sendBytes: (bytes) => session.received(bytes),
    setWritable(value) {
      isWritable = value;
      if (value) session.drained();
    },
    lose: (error) => session.lost(error),
    isClosed: () => isClosed,
  };
}

function recordEvents(told: string[], answers: ScriptedPlugin["answered"]): SessionOptions["events"] {
  return {
    violation: (error) => told.push(`violation ${error.code}: ${error.message}`),
    answered: (_instance, callId, { callUs, hostUs, pluginUs }) => {
      const isWhole = callUs >= hostUs && hostUs >= 0;
      answers.push({ callId, isWhole, pluginUs });
    },
    lateAnswer: (_instance, callId) => told.push(`late ${callId}`),
    resynced: (error) => told.push(`resynced ${error.code}`),
    health: (ready, message) => told.push(`health ${ready} ${message}`),
    table: (table) => told.push(`table ${table.instance}`),
    writable: () => told.push("writable"),
    closed: (error) => told.push(`closed ${error.code}`),
  };
}
