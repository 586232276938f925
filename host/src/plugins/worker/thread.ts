import { AsyncLocalStorage } from "node:async_hooks";
import type { EndpointChange } from "@outrider/core/contract";
import { OutriderError } from "@outrider/core/contract";
import { decodeScoreBatch, makeInstance } from "@outrider/transport/local";
import { loadDeclaration } from "../load-declaration.ts";
import { createAnswerPost } from "./answer-post.ts";
import { createFaultPost } from "./fault-post.ts";
import {
  absoluteNow,
  type CallsMessage,
  type CreateMessage,
  type Declaration,
  type EventsMessage,
  type FromThread,
  type ThreadStart,
  type ToThread,
} from "./messages.ts";
import { createRunningSection } from "./running-section.ts";
import { createThreadInstance, type ThreadInstance } from "./thread-instance.ts";
import { captureOutput } from "./thread-output.ts";
import { createThreadTables } from "./thread-tables.ts";
import { toDeclaration } from "./to-declaration.ts";

/** What a thread runs: takes the host's messages in their order until the host ends it. */
export default function open({ port, section: memory }: ThreadStart): void {
  const post = (message: FromThread) => port.postMessage(message);
  captureOutput(post, absoluteNow);
  const thread = createThread(post, memory);
  port.on("message", (message: ToThread) => thread.take(message));
}

/** The plugins on a thread. */
interface Thread {
  take(message: ToThread): void;
}

function createThread(post: (message: FromThread) => void, memory: SharedArrayBuffer): Thread {
  const section = createRunningSection(memory);
  const owner = new AsyncLocalStorage<number>();
  const instances = new Map<number, ThreadInstance>();
  const tables = createThreadTables();
  const answers = createAnswerPost(post, absoluteNow);
  const faults = createFaultPost(post);
  const run = <T>(instance: number, code: () => T): T => section.run(instance, () => owner.run(instance, code));
  watchProcess(section.mark, () => owner.getStore() ?? section.instance, faults.add);

  const create = async (message: CreateMessage): Promise<Declaration> => {
    const { instance, type, module, parameters } = message;
    const definition = await run(instance, () => loadDeclaration(module, type));
    const made = run(instance, () => makeInstance(definition, parameters));
    if (made.kind === "faults") {
      const list = made.faults.map(({ path, message }) => (path === "" ? message : `${path}: ${message}`));
      throw new OutriderError("CONFIG_INVALID", `parameters of ${message.name}: ${list.join("; ")}`);
    }
    const served = createThreadInstance(message, definition, made, {
      run: (code) => run(instance, code),
      threw: (where, cause) => faults.add(instance, where, cause),
    });
    served.endpointsChanged({ removedSlots: [], upserted: tables.known });
    instances.set(instance, served);
    return toDeclaration(definition, parameters, made.instance.feedback !== undefined);
  };

  const runCalls = ({ bytes, tickets, dueAtMs, inflight }: CallsMessage): void => {
    const { calls } = decodeScoreBatch(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    answers.begin();
    calls.forEach((call, i) => {
      const ticket = tickets[i]!;
      const table = tables.at(call.rev);
      const instance = instances.get(call.instance);
      if (table === undefined || instance === undefined)
        answers.refuse(ticket, "SCORER_UNAVAILABLE", "is not on this thread");
      else if (absoluteNow() > dueAtMs[i]!)
        answers.refuse(ticket, "SCORER_DEADLINE", "its budget ran out before its turn");
      else answers.take(ticket, instance.call(ticket, call, { table, inflight }));
    });
    answers.flush();
  };

  const tellChange = (change: EndpointChange): void => {
    if (change.removedSlots.length === 0 && change.upserted.length === 0) return;
    for (const instance of instances.values()) instance.endpointsChanged(change);
  };

  const tellEvents = ({ instances: numbers, events }: EventsMessage): void => {
    for (const [i, event] of events.entries()) instances.get(numbers[i]!)?.feedback(event);
    answers.heard(events.length);
  };

  return {
    take(message) {
      switch (message.kind) {
        case "create":
          return void create(message).then(
            (declaration) => post({ kind: "created", instance: message.instance, declaration }),
            (cause) => post(toRefusal(message.instance, cause)),
          );
        case "table": {
          const change = tables.take(message);
          return change === undefined ? undefined : tellChange(change);
        }
        case "calls":
          return runCalls(message);
        case "events":
          return tellEvents(message);
        case "remove":
          return void instances.delete(message.instance);
      }
    },
  };
}

function toRefusal(instance: number, cause: unknown): FromThread {
  const code = cause instanceof OutriderError ? cause.code : "SCORER_FAILED";
  const why = code === "CONFIG_INVALID" ? "parameters" : code === "PLUGIN_REJECTED" ? "declares" : "threw";
  return { kind: "refused", instance, why, message: cause instanceof Error ? cause.message : String(cause) };
}

/**
 * What nobody catches in one plugin's code ends no other plugin's thread: it is told to the host. A plugin that ends the
 * thread says first who it is.
 */
function watchProcess(
  mark: (instance: number) => void,
  running: () => number,
  threw: (instance: number, where: string, cause: unknown) => void,
): void {
  process.on("uncaughtException", (cause) => threw(running(), "a callback", cause));
  process.on("unhandledRejection", (cause) => threw(running(), "a promise that nobody awaits", cause));
  const { exit } = process;
  process.exit = (code) => {
    mark(running());
    return exit(code);
  };
}
