import { connect } from "node:net";
import { ask } from "./ask.ts";
import { bad, type Ending, well } from "./ending.ts";
import { hasStatus } from "./plain-kinds.ts";
import type { RequestKind, Shot } from "./request-kind.ts";

const path = "/v1/completions";
const tooLargeBytes = 1_300_000;
const silenceMs = 10_000;

/** Requests that are to be refused. */
export const wrongKinds: readonly RequestKind[] = [
  { name: "no JSON", weight: 3, run: (shot) => ask(shot, { path, body: '{"model":' }, hasStatus(400)) },
  { name: "no model", weight: 2, run: (shot) => ask(shot, { path, body: '{"prompt":"x"}' }, hasStatus(400)) },
  {
    name: "too large",
    weight: 2,
    run: (shot) => ask(shot, { path, body: `{"model":"m","prompt":"${"x".repeat(tooLargeBytes)}"}` }, hasStatus(413)),
  },
  { name: "no HTTP", weight: 1, run: (shot) => talkNonsense(shot, "\u0001\u0002 nonsense\r\n\r\n") },
  {
    name: "half a request",
    weight: 1,
    run: (shot) => talkNonsense(shot, "POST /v1/completions HTTP/1.1\r\nhost: x\r\n"),
  },
];

/** Says something, waits for an answer or a second, and hangs up. */
function talkNonsense({ door, tooLong }: Shot, words: string): Promise<Ending> {
  const { hostname, port } = new URL(door);
  return new Promise((resolve) => {
    const socket = connect({ host: hostname, port: Number(port) });
    const hangUp = setTimeout(() => socket.destroy(), 1000);
    const end = (ending: Ending) => {
      clearTimeout(hangUp);
      resolve(ending);
    };
    socket.on("error", () => {});
    socket.on("connect", () => socket.write(words));
    socket.on("close", () => end(well));
    socket.resume();
    tooLong.addEventListener("abort", () => end(bad("silent", `no end to the connection in ${silenceMs} ms`)));
  });
}
