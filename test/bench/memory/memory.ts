import type { ClientHttp2Session, ClientHttp2Stream } from "node:http2";
import { setTimeout as sleep } from "node:timers/promises";
import { spawnFleet } from "@outrider/fleet";
import { postMessage, requestPart } from "../../clients/envoy-messages.ts";
import { toFrame } from "../../clients/ext-proc.ts";
import { type Host, startHost } from "../../clients/host.ts";
import { until } from "../../clients/poll.ts";
import { residentMiB } from "../cpu.ts";
import { connectGateway, onAnswers, openStream } from "../exchange.ts";
import type { Section, Table } from "../section.ts";

const streams = 1000;
const bodyBytes = 400_000;
const wantedRatio = 1.3;
/** Envoy opens at most 1,024 streams on a connection; it has one for each of its threads. */
const connections = 2;
/** Behind the start and behind the last byte: what is thrown away then is thrown away by a collection or two. */
const settleMs = 1_500;
const fillMs = 120_000;

/** How a gateway cuts the body into messages. */
const cuts = [
  { cut: "65,344 and 334,656 bytes, as Envoy", partBytes: [65_344, 334_656] },
  { cut: "64 kB", partBytes: evenly(64_000) },
  { cut: "16 kB", partBytes: evenly(16_000) },
  { cut: "8 kB", partBytes: evenly(8_000) },
];

/** What memory many held bodies need. */
export const memory: Section = {
  name: "memory",
  about: `RSS with ${streams} bodies of 400 kB held`,
  effort: { windows: 1, seconds: 0 },
  async run() {
    const fleet = await spawnFleet({ servers: 2 });
    try {
      return [await measureCuts(fleet.endpoints)];
    } finally {
      await fleet.stop();
    }
  },
};

/** A host for each cut: what one has once held stays with its process. */
async function measureCuts(endpoints: readonly string[]): Promise<Table> {
  const rows: Table["rows"][number][] = [];
  let failed = 0;
  for (const { cut, partBytes } of cuts) {
    const host = await startHost({ endpoints });
    try {
      const filled = await fill(host, partBytes);
      failed += streams - filled.answered;
      rows.push(toRow(cut, filled));
    } finally {
      await host.stop();
    }
  }
  const title = `${streams} streams with a body of ${bodyBytes} bytes each, held`;
  const notes = [
    `Wanted: RSS at most ${wantedRatio} of the bytes held beside the idle RSS. Failed requests: ${failed}.`,
  ];
  return { title, rows, notes, failed };
}

/** What a host needed; MiB throughout. */
interface Filled {
  readonly idle: number;
  readonly held: number;
  readonly full: number;
  /** Requests that were answered whole when their bodies ended. */
  readonly answered: number;
}

function toRow(cut: string, { idle, held, full }: Filled): Table["rows"][number] {
  const mib = (value: number) => value.toFixed(0);
  const ratio = ((full - idle) / held).toFixed(2);
  return {
    "messages of": cut,
    "held MiB": mib(held),
    "idle MiB": mib(idle),
    "RSS MiB": mib(full),
    "of the held": ratio,
  };
}

async function fill(host: Host, partBytes: readonly number[]): Promise<Filled> {
  await sleep(settleMs);
  const idle = residentMiB(host.pid);
  const sessions: ClientHttp2Session[] = [];
  for (let i = 0; i < connections; i++) sessions.push(await connectGateway(host.addresses.extProc));
  const begun = begin(sessions, partBytes);
  const heldBytes = () => host.metric("outrider_held_bytes");
  await until(heldBytes, (bytes) => bytes >= streams * bodyBytes, fillMs);
  await sleep(settleMs);
  const held = (await heldBytes()) / 2 ** 20;
  const full = residentMiB(host.pid);
  const answered = await endAll(begun);
  for (const session of sessions) session.destroy();
  return { idle, held, full, answered };
}

/** Sends all of each request but its end. */
function begin(sessions: readonly ClientHttp2Session[], partBytes: readonly number[]): readonly ClientHttp2Stream[] {
  const headers = toFrame(postMessage("/v1/completions", { "content-length": String(bodyBytes) }));
  const parts = toParts(partBytes).map((part) => toFrame(requestPart(part)));
  return Array.from({ length: streams }, (_, i) => {
    const stream = openStream(sessions[i % connections] as ClientHttp2Session);
    for (const frame of [headers, ...parts]) stream.write(frame);
    return stream;
  });
}

/** A body that is what clients send, in such parts. */
function toParts(partBytes: readonly number[]): readonly Buffer[] {
  const around = JSON.stringify({ model: "qwen3-32b", prompt: "" }).length;
  const prompt = "A prompt of some length. ".repeat(bodyBytes / 25 + 1).slice(0, bodyBytes - around);
  const body = Buffer.from(JSON.stringify({ model: "qwen3-32b", prompt }));
  const ends = partBytes.map((_, i) => partBytes.slice(0, i + 1).reduce((sum, bytes) => sum + bytes, 0));
  return ends.map((end, i) => body.subarray(end - (partBytes[i] ?? 0), end));
}

/** Ends all requests; resolves with how many came back whole. */
async function endAll(begun: readonly ClientHttp2Stream[]): Promise<number> {
  const end = toFrame(requestPart(Buffer.alloc(0), true));
  const answers = begun.map(
    (stream) =>
      new Promise<number>((resolve) => {
        stream.once("close", () => resolve(0));
        onAnswers(stream, (kind) => {
          if (kind === "requestEnd") resolve(1);
        });
        stream.write(end);
      }),
  );
  return (await Promise.all(answers)).reduce((sum, one) => sum + one, 0);
}

function evenly(partBytes: number): readonly number[] {
  const whole = Math.floor(bodyBytes / partBytes);
  const rest = bodyBytes - whole * partBytes;
  return [...Array.from({ length: whole }, () => partBytes), ...(rest > 0 ? [rest] : [])];
}
